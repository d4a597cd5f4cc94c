; References of Go: what is called, and the types that are named.
(call_expression function: (identifier) @call)
(call_expression function: (selector_expression field: (field_identifier) @call))
(parameter_declaration type: (type_identifier) @type)
(pointer_type (type_identifier) @type)
(composite_literal type: (type_identifier) @type)
(generic_type type: (type_identifier) @type)
