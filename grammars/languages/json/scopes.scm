; Scopes of JSON: keys whose value is an object or an array.
(pair key: (string) @name ":" @header value: [(object) (array)]) @key
