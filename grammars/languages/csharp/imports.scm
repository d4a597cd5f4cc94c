; Imports of C#: using directives; an alias gives the aliased name.
(using_directive !name [(identifier) (qualified_name)] @module) @import
(using_directive name: (_) (_) @module) @import
