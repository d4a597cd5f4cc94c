; Definitions of Ruby: modules, classes, methods, aliases and constants.
(module name: (_) @name @header body: (_)? @body) @module
(class name: (_) @name @header superclass: (_)? @header body: (_)? @body) @class
(singleton_class value: (_) @name @header body: (_)? @body) @class
(method name: (_) @name @header parameters: (_)? @header body: (_)? @body) @method
(singleton_method name: (_) @name @header parameters: (_)? @header body: (_)? @body) @method
(assignment left: (constant) @name) @constant
(alias name: (_) @name) @method
