; References of TypeScript: what is called or constructed, and the types that are named.
(call_expression function: (identifier) @call)
(call_expression function: (member_expression property: (property_identifier) @call))
(new_expression constructor: (identifier) @type)
(type_annotation (type_identifier) @type)
(type_annotation (generic_type name: (type_identifier) @type))
(type_arguments (type_identifier) @type)
(implements_clause (type_identifier) @type)
(extends_clause value: (identifier) @type)
