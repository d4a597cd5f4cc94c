; Imports of Python: "import a.b", "from a import b", relative and future imports. @alias is what is bound instead of the
; name, @all a star.
(import_statement name: (dotted_name) @module) @import
(import_statement name: (aliased_import name: (dotted_name) @module alias: (identifier) @alias)) @import
(import_from_statement module_name: (_) @module) @import
(import_from_statement module_name: (_) @module (wildcard_import) @all) @import
(import_from_statement module_name: (_) @module name: (dotted_name) @name) @import
(import_from_statement module_name: (_) @module name: (aliased_import name: (dotted_name) @name alias: (identifier) @alias)) @import
(future_import_statement "__future__" @module name: (dotted_name) @name) @import
(future_import_statement "__future__" @module name: (aliased_import name: (dotted_name) @name)) @import
