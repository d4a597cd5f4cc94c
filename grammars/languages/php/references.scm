; References of PHP: functions and methods that are called, and the types that are named.
(function_call_expression function: (name) @call)
(member_call_expression name: (name) @call)
(scoped_call_expression name: (name) @call)
(object_creation_expression (name) @type)
(named_type (name) @type)
(class_interface_clause (name) @type)
(base_clause (name) @type)
