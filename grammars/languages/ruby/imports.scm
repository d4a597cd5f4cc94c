; Imports of Ruby: require, require_relative, load and autoload.
(call !receiver method: (identifier) @_method arguments: (argument_list (string) @module) (#any-of? @_method "require" "require_relative" "load" "autoload")) @import
