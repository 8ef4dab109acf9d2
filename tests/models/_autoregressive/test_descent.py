import subprocess
import sys

import numpy as np
import pytest
import torch

from synthgen.encoding.domain import Domain, Scale
from synthgen.models._autoregressive.descent import Rows, Schedule, _parameters, _Workers, train
from synthgen.models._autoregressive.layout import Layout
from synthgen.models._autoregressive.masked import MaskedNetwork

SIZES = (3, 4, 70)


def domains() -> tuple[Domain, ...]:
    return tuple(Domain(f"c{i}", f"c{i}", size, Scale.NOMINAL) for i, size in enumerate(SIZES))


def rows(n: int) -> Rows:
    rng = np.random.default_rng(1)
    # The slot behind a column's codes, of what is unobserved, among them.
    return Rows(np.stack([rng.integers(size + 1, size=n) for size in (70, 4, 3)], axis=1), None)


def network(layout: Layout) -> MaskedNetwork:
    torch.manual_seed(0)
    return MaskedNetwork(layout, [np.full(size, -np.log(size), np.float32) for size in layout.sizes])


@pytest.fixture
def layout() -> Layout:
    return Layout.of(domains(), 0, [np.full(size, 100) for size in SIZES], ())


def gradient(layout: Layout, workers: int) -> tuple[float, list[torch.Tensor]]:
    before = torch.get_num_threads()
    torch.set_num_threads(workers)
    try:
        with _Workers.on(network(layout), "cpu", is_heavy=True) as many:
            assert len(many.networks) == workers
            loss = many.gradient(rows(101))
            return loss, [p.grad for p in many.network.parameters() if p.grad is not None]
    finally:
        torch.set_num_threads(before)


def test_two_workers_find_the_gradient_that_one_finds(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.models._autoregressive.descent._halves_pay", lambda: False)
    (loss, each), (shared_loss, shared) = gradient(layout, 1), gradient(layout, 2)
    assert shared_loss == pytest.approx(loss, rel=1e-5)
    assert len(each) == len(shared) > 0
    for one, two in zip(each, shared, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_a_step_of_the_first_worker_is_seen_by_the_second(layout: Layout) -> None:
    with _Workers.on(network(layout), "cpu", is_heavy=True) as workers:
        own, *others = workers.networks
        with torch.no_grad():
            next(own.parameters()).fill_(7.0)
        assert all((next(twin.parameters()) == 7.0).all() for twin in others)


def test_the_loss_of_a_network_that_knows_only_levels_is_the_entropy(layout: Layout) -> None:
    """Heads of a fresh network are small, not 0, so they are made 0 here: what is left are the levels."""
    of = network(layout)
    with torch.no_grad():
        for block in of.blocks:
            block.head.zero_()
            if block.smooth is not None:
                block.smooth.zero_()
    observed = Rows(np.array([[69, 3, 2], [0, 0, 0]]), None)
    found = float(observed.loss(of, "cpu").detach())
    assert found == pytest.approx(2 * (np.log(70) + np.log(4) + np.log(3)), rel=1e-5)
    # A cell that is unobserved tells nothing, and costs nothing.
    unobserved = Rows(np.array([[70, 4, 3]]), None)
    assert float(unobserved.loss(of, "cpu").detach()) == 0


def test_what_tells_the_given_has_a_penalty_of_its_own() -> None:
    """Two columns are given, one of them about a code of the unit that is drawn before the value."""
    given = (
        Domain("g", "g", 5, Scale.NOMINAL),
        Domain("last", "last", 4, Scale.ORDERED, about=("unit", 1)),
    )
    own = (Domain("unit", "unit", 3, Scale.NOMINAL), Domain("value", "value", 9, Scale.NOMINAL, unit="unit"))
    layout = Layout.of((*given, *own), 2, [np.full(domain.size, 10) for domain in (*given, *own)], ())
    of = network(layout)
    parameters = _parameters(of, Schedule(epochs=1, batch=64, patience=1, penalty=10.0, given=30.0), 100)
    found = {}
    for group in parameters:
        assert isinstance(group["params"], list)
        found |= {id(parameter): group["weight_decay"] for parameter in group["params"]}
    assert found.keys() == {id(parameter) for parameter in of.parameters()}
    (echoed,) = [table for block in of.blocks for table in block.echoed]
    assert [found[id(table.own)] for table in of.tables] == pytest.approx([0.3, 0.3, 0.1, 0.1])
    assert found[id(echoed)] == pytest.approx(0.3)
    assert found[id(of.told)] == pytest.approx(0.3 / 4)
    assert [found[id(block.head)] for block in of.blocks] == pytest.approx([0.1, 0.1])


def test_a_unit_that_nothing_given_is_about_costs_as_if_nothing_were_said() -> None:
    """The first column of all has more codes than what is given of a unit, and is not taken for it."""
    given = (Domain("g", "g", 40, Scale.NOMINAL), Domain("last", "last", 4, Scale.ORDERED, about=("unit", 1)))
    own = (Domain("unit", "unit", 3, Scale.NOMINAL), Domain("value", "value", 9, Scale.NOMINAL, unit="unit"))
    of = network(Layout.of((*given, *own), 2, [np.full(domain.size, 10) for domain in (*given, *own)], ()))
    (echoed,) = [table for block in of.blocks for table in block.echoed]
    rows_ = Rows(np.array([[39, 2, 0, 5]]), None)
    before = float(rows_.loss(of, "cpu").detach())
    with torch.no_grad():
        echoed += torch.arange(echoed.numel()).reshape(echoed.shape)
    assert float(rows_.loss(of, "cpu").detach()) == before
    assert float(Rows(np.array([[39, 2, 1, 5]]), None).loss(of, "cpu").detach()) != before


def test_threads_are_as_before_when_training_is_done(layout: Layout) -> None:
    before = torch.get_num_threads()
    level = [np.full(size, -np.log(size)) for size in layout.sizes]
    schedule = Schedule(epochs=1, batch=64, patience=1, penalty=0.0, given=0.0)
    train(
        layout, level, rows(100), None, schedule, rng=np.random.default_rng(0), device="cpu", progress=lambda *_: None
    )
    assert torch.get_num_threads() == before


def test_torch_is_not_asked_for_its_compiler() -> None:
    """It takes two seconds to load, and nothing is compiled."""
    code = (
        "import sys, numpy as np\n"
        "from synthgen.encoding.domain import Domain, Scale\n"
        "from synthgen.models.autoregressive import Autoregressive\n"
        "from synthgen.models.base import CodeTable\n"
        "domain = Domain('a', 'a', 2, Scale.NOMINAL)\n"
        "source = CodeTable((domain,), [np.tile(np.arange(2, dtype=np.int32)[:, None], (50, 1))])\n"
        "Autoregressive(epochs=1).fit(source, rng=np.random.default_rng(0))\n"
        "assert 'torch' in sys.modules and 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
