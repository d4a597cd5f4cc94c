; Imports of HTML: scripts and stylesheets that are loaded from elsewhere.
(script_element (start_tag (attribute (attribute_name) @_attribute (quoted_attribute_value (attribute_value) @module))) (#eq? @_attribute "src")) @import
((start_tag (tag_name) @_tag (attribute (attribute_name) @_attribute (quoted_attribute_value (attribute_value) @module))) @import (#eq? @_tag "link") (#eq? @_attribute "href"))
