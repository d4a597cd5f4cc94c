; References of Python: what is called, and the base classes and annotations that are named.
(call function: (identifier) @call)
(call function: (attribute attribute: (identifier) @call))
(class_definition superclasses: (argument_list (identifier) @type))
(type (identifier) @type)
(type (generic_type (identifier) @type))
(decorator (identifier) @call)
