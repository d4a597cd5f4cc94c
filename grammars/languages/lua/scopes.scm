; Scopes of Lua: functions, methods, and functions bound to a name; the header ends behind the parameters.
(function_declaration name: (identifier) @name parameters: (_)? @header body: (_)? @body) @function
(function_declaration name: (dot_index_expression) @name parameters: (_)? @header body: (_)? @body) @function
(function_declaration name: (method_index_expression) @name parameters: (_)? @header body: (_)? @body) @method
(assignment_statement (variable_list . name: (_) @name) (expression_list . value: (function_definition parameters: (_)? @header body: (_)? @body))) @function
(variable_declaration (assignment_statement (variable_list . name: (_) @name) (expression_list . value: (function_definition parameters: (_)? @header body: (_)? @body)))) @function
(field name: (_) @name value: (function_definition parameters: (_)? @header body: (_)? @body)) @function
