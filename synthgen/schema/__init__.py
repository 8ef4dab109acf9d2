"""What a person tells synthgen about an extract: columns, tables and the config file that holds them."""
