; Definitions of HTML: values of id attributes.
((attribute (attribute_name) @_attribute (quoted_attribute_value (attribute_value) @name)) @id (#eq? @_attribute "id"))
