; Imports of Java: the imported path as written, without "import", "static" and ".*".
(import_declaration [(scoped_identifier) (identifier)] @module) @import
