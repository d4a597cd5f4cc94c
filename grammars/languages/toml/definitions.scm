; Definitions of TOML: tables, arrays of tables, and the keys before the first table.
(table . "[" . (_) @name . "]" @header) @table
(table_array_element . "[[" . (_) @name . "]]" @header) @table
(document (pair . (_) @name) @key)
