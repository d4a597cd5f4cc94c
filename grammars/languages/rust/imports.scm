; Imports of Rust: "use" declarations; a braced list gives its names.
(use_declaration argument: [(identifier) (scoped_identifier) (use_wildcard)] @module) @import
(use_declaration argument: (use_as_clause path: (_) @module)) @import
(use_declaration argument: (scoped_use_list path: (_) @module)) @import
(use_declaration argument: (scoped_use_list path: (_) @module list: (use_list [(identifier) (self) (scoped_identifier)] @name))) @import
(use_declaration argument: (scoped_use_list path: (_) @module list: (use_list (use_as_clause path: (_) @name)))) @import
(extern_crate_declaration name: (_) @module) @import
