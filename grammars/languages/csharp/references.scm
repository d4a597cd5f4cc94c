; References of C#: what is called or constructed, and base types.
(invocation_expression function: (identifier) @call)
(invocation_expression function: (member_access_expression name: (identifier) @call))
(object_creation_expression type: (identifier) @type)
(base_list (identifier) @type)
(parameter type: (identifier) @type)
(variable_declaration type: (identifier) @type)
