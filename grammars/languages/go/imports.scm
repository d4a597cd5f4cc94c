; Imports of Go: every path of an import declaration; the declaration is the statement.
(import_declaration (import_spec path: (_) @module)) @import
(import_declaration (import_spec_list (import_spec path: (_) @module))) @import
