; Imports of C++: include directives and using declarations.
(preproc_include path: (_) @module) @import
(using_declaration [(identifier) (qualified_identifier)] @module) @import
