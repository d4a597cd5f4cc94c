; Imports of C: include directives.
(preproc_include path: (_) @module) @import
