; Imports of CSS: @import with a string or a url().
(import_statement (string_value) @module) @import
(import_statement (call_expression (arguments (string_value) @module))) @import
(import_statement (call_expression (arguments (plain_value) @module))) @import
