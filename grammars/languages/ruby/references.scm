; References of Ruby: methods that are called, and constants that are named.
(call method: (identifier) @call)
(superclass (constant) @type)
(scope_resolution name: (constant) @type)
(call receiver: (constant) @type)
