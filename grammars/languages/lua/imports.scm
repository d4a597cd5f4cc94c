; Imports of Lua: require calls; a local that holds the module belongs to the statement.
((function_call name: (identifier) @_require arguments: (arguments (string) @module)) @import (#eq? @_require "require"))
(variable_declaration (assignment_statement (expression_list value: (function_call name: (identifier) @_require arguments: (arguments (string) @module)))) (#eq? @_require "require")) @import
