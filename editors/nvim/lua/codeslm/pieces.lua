--- A suggestion → the part of it that a key takes.
local M = {}

--- The next word with the blanks before it: letters as the buffer counts them, or signs. Line ends are blanks.
---@param text string
---@return string
function M.word(text)
  local blanks = text:match('^%s*')
  local rest = text:sub(#blanks + 1)
  local word = vim.fn.matchstr(rest, [[^\k\+]])
  if word == '' then
    word = vim.fn.matchstr(rest, [[^\%(\k\|\s\)\@!.\%(\%(\k\|\s\)\@!.\)*]])
  end
  return blanks .. word
end

--- What is left of the first line; where nothing is, the next line with the end of this one.
---@param text string
---@return string
function M.line(text)
  local line = text:match('^[^\n]+')
  return line or text:match('^\n+[^\n]*') or text
end

return M
