; References of Java: methods that are called, and the types that are named.
(method_invocation name: (identifier) @call)
(type_identifier) @type
