; Definitions of Lua: locals and globals of the chunk, functions and methods.
(chunk (variable_declaration (assignment_statement (variable_list name: (identifier) @name))) @variable)
(chunk (assignment_statement (variable_list name: (identifier) @name)) @variable)
(function_declaration name: (identifier) @name parameters: (_)? @header body: (_)? @body) @function
(function_declaration name: (dot_index_expression) @name parameters: (_)? @header body: (_)? @body) @function
(function_declaration name: (method_index_expression) @name parameters: (_)? @header body: (_)? @body) @method
(assignment_statement (variable_list . name: (_) @name) (expression_list . value: (function_definition parameters: (_)? @header body: (_)? @body))) @function
(variable_declaration (assignment_statement (variable_list . name: (_) @name) (expression_list . value: (function_definition parameters: (_)? @header body: (_)? @body)))) @function
(field name: (_) @name value: (function_definition parameters: (_)? @header body: (_)? @body)) @function
