; Scopes of TOML: tables and arrays of tables.
(table [(bare_key) (dotted_key) (quoted_key)] @name "]" @header) @table
(table_array_element [(bare_key) (dotted_key) (quoted_key)] @name "]]" @header) @table
