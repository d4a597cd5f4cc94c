--- What the user asked for, laid over what holds otherwise.
local M = {}

---@class codeslm.Keys
---@field accept string|false
---@field accept_word string|false
---@field accept_line string|false
---@field next string|false
---@field previous string|false
---@field dismiss string|false
---@field request string|false

---@class codeslm.Options
---@field cmd? string[] How the server is started.
---@field settings? table Settings of the server, as its README lists them: `{ completion = { confidence = 'eager' } }`.
---@field keys? codeslm.Keys Keys of insert mode; `false` maps none.
---@field ghost? 'auto'|'own'|'native'|false Who draws ghost text: Neovim 0.12 can ('native'), codeslm can ('own').
---@field hide_behind_menu? boolean No ghost text while a completion menu is open.

---@type codeslm.Options
M.defaults = {
  cmd = { 'codeslm', 'serve' },
  settings = {},
  keys = {
    accept = '<Tab>',
    accept_word = '<M-Right>',
    accept_line = '<M-End>',
    next = '<M-]>',
    previous = '<M-[>',
    dismiss = '<C-]>',
    request = '<M-\\>',
  },
  ghost = 'auto',
  hide_behind_menu = true,
}

---@type codeslm.Options
M.options = M.defaults

local KINDS = {
  cmd = { 'table' },
  settings = { 'table' },
  keys = { 'table' },
  ghost = { 'string', 'boolean' },
  hide_behind_menu = { 'boolean' },
}

--- Sentences about what is wrong with `options`; each names the option and says what to do.
---@param options table
---@return string[]
function M.problems(options)
  local found = {}
  for name, value in pairs(options) do
    local kinds = KINDS[name]
    if not kinds then
      table.insert(found, ("codeslm: there is no option '%s'; see :help codeslm-options."):format(name))
    elseif not vim.tbl_contains(kinds, type(value)) then
      local wanted = table.concat(kinds, ' or ')
      table.insert(found, ("codeslm: the option '%s' has to be a %s; it was ignored."):format(name, wanted))
    end
  end
  for name, key in pairs(type(options.keys) == 'table' and options.keys or {}) do
    if M.defaults.keys[name] == nil then
      table.insert(found, ("codeslm: there is no key '%s'; see :help codeslm-keys."):format(name))
    elseif key ~= false and type(key) ~= 'string' then
      table.insert(found, ("codeslm: the key '%s' has to be a string or false; it was ignored."):format(name))
    end
  end
  if type(options.ghost) == 'string' and not vim.tbl_contains({ 'auto', 'own', 'native' }, options.ghost) then
    table.insert(found, "codeslm: the option 'ghost' has to be 'auto', 'own', 'native' or false; 'auto' is used.")
  end
  table.sort(found)
  return found
end

--- Lay `options` over the defaults, without what is wrong with them. Returns the sentences of `problems`.
---@param options? codeslm.Options
---@return string[]
function M.set(options)
  options = vim.deepcopy(options or {})
  local problems = M.problems(options)
  for name, value in pairs(options) do
    if not KINDS[name] or not vim.tbl_contains(KINDS[name], type(value)) then
      options[name] = nil
    end
  end
  for name, key in pairs(options.keys or {}) do
    if M.defaults.keys[name] == nil or (key ~= false and type(key) ~= 'string') then
      options.keys[name] = nil
    end
  end
  if options.ghost == true or (type(options.ghost) == 'string' and not vim.tbl_contains({ 'own', 'native' }, options.ghost)) then
    options.ghost = 'auto'
  end
  M.options = vim.tbl_deep_extend('force', M.defaults, options)
  if options.cmd then
    M.options.cmd = options.cmd -- A list is taken whole.
  end
  return problems
end

return M
