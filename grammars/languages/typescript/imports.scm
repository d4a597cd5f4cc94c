; Imports of TypeScript: import statements, "import x = require(...)", re-exports and "const x = require(...)".
; What is taken in as a whole has no @name, whatever it is called here.
(import_statement source: (string) @module) @import
(import_statement (import_clause (identifier) @name) source: (string) @module) @import
(import_statement (import_clause (named_imports (import_specifier name: (_) @name))) source: (string) @module) @import
(export_statement source: (string) @module) @import
(lexical_declaration (variable_declarator value: (call_expression function: (identifier) @_require arguments: (arguments . (string) @module))) (#eq? @_require "require")) @import
(lexical_declaration (variable_declarator name: (object_pattern (shorthand_property_identifier_pattern) @name) value: (call_expression function: (identifier) @_require arguments: (arguments . (string) @module))) (#eq? @_require "require")) @import
(import_statement (import_require_clause source: (string) @module)) @import
