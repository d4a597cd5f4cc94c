--- Code completion and commands by a model on this machine. See :help codeslm.
local config = require('codeslm.config')

local api = vim.api
local M = {}

local REST_MS = 300 -- The cursor rests where it has been so long; the server then evaluates what it needs there.

---@type table<integer, true> Buffers with ghost text.
local attached = {}
---@type {kind: string, message: string, model: string}
local status = { kind = 'off', message = 'The language server is not running.', model = '' }
local rest_timer

local function backend()
  local ghost = config.options.ghost
  local is_native = ghost == 'native' and vim.lsp.inline_completion ~= nil
  return ghost and require(is_native and 'codeslm.native' or 'codeslm.own') or nil
end

--- An empty table of Lua is a list in JSON unless it says what it is.
---@param settings table
local function as_object(settings)
  return next(settings) and settings or vim.empty_dict()
end

--- Use codeslm. May be called again: later options are laid over the defaults anew.
---@param options? codeslm.Options
function M.setup(options)
  for _, problem in ipairs(config.set(options)) do
    vim.notify(problem, vim.log.levels.WARN)
  end
  vim.lsp.config('codeslm', {
    cmd = config.options.cmd,
    init_options = as_object(config.options.settings),
    settings = { codeslm = as_object(config.options.settings) },
    capabilities = { experimental = { codeslmStatus = true } },
    handlers = {
      ['codeslm/didChangeStatus'] = function(_, told)
        status = told
        local drawing = backend()
        if drawing and drawing.refresh and told.kind == 'ready' and attached[api.nvim_get_current_buf()] then
          drawing.refresh()
        end
        api.nvim_exec_autocmds('User', { pattern = 'CodeslmStatus', modeline = false })
        vim.cmd.redrawstatus({ bang = true })
      end,
    },
  })
  vim.lsp.enable('codeslm')
end

--- Change the server's settings while it runs, such as `{ completion = { confidence = 'strict' } }`.
---@param settings table
function M.configure(settings)
  config.options.settings = vim.tbl_deep_extend('force', config.options.settings, settings)
  for _, client in ipairs(vim.lsp.get_clients({ name = 'codeslm' })) do
    client.settings = { codeslm = as_object(config.options.settings) }
    client:notify('workspace/didChangeConfiguration', { settings = client.settings })
  end
end

---@param name string
---@param ... any
local function call(name, ...)
  local drawing = attached[api.nvim_get_current_buf()] and backend()
  return drawing and drawing[name](...) or false
end

--- Insert what is shown. False where nothing is.
function M.accept()
  return call('accept')
end

--- Insert the next word of it.
function M.accept_word()
  return call('accept', require('codeslm.pieces').word)
end

--- Insert its first line, or what is left of that.
function M.accept_line()
  return call('accept', require('codeslm.pieces').line)
end

--- Show the next suggestion; the first time, others are asked for.
function M.next()
  return call('cycle', 1)
end

function M.previous()
  return call('cycle', -1)
end

--- Hide it until the next key.
function M.dismiss()
  local was_visible = call('is_visible')
  call('dismiss')
  return was_visible
end

--- Ask by hand: this is answered also where nothing is offered while typing.
function M.request()
  call('invoke')
  return true
end

function M.is_visible()
  return call('is_visible')
end

--- For a status line: `codeslm`, and what there is to say of it.
function M.status()
  if #vim.lsp.get_clients({ bufnr = 0, name = 'codeslm' }) == 0 then
    return ''
  end
  local said = { loading = 'codeslm: loading', off = 'codeslm: off', problem = 'codeslm: problem' }
  return said[status.kind] or 'codeslm'
end

--- A state as a sentence or two.
---@param state {kind: string, message: string, model: string}
function M.said(state)
  local model = state.model ~= '' and (' with ' .. state.model) or ''
  return vim.trim(('codeslm is %s%s. %s'):format(state.kind == 'problem' and 'in trouble' or state.kind, model, state.message))
end

--- What the server said last of itself: `{ kind, message, model }`.
function M.state()
  return vim.deepcopy(status)
end

--- Do what a key did before it was mapped. What it typed comes before what was typed since.
---@param key string
---@param before table As `maparg()` gives it.
local function do_as_before(key, before)
  local typed, remaps = vim.keycode(key), false
  if before.callback then
    local said = before.callback()
    if before.expr ~= 1 then
      return
    end
    typed = before.replace_keycodes == 1 and vim.keycode(said or '') or said or ''
    remaps = before.noremap == 0
  elseif before.rhs then
    typed = before.expr == 1 and api.nvim_eval(before.rhs) or vim.keycode(before.rhs)
    remaps = before.noremap == 0
  end
  api.nvim_feedkeys(typed, remaps and 'im' or 'in', false)
end

--- Map a key of insert mode, with what it did before wherever codeslm has nothing to do.
---@param buf integer
---@param key string
---@param act fun(): boolean
---@param description string
local function map(buf, key, act, description)
  local before = vim.fn.maparg(key, 'i', false, true)
  if before.desc == description then
    return
  end
  vim.keymap.set('i', key, function()
    if not act() then
      do_as_before(key, before)
    end
  end, { buffer = buf, desc = description, silent = true })
end

local ACTIONS = {
  accept = { 'accept', 'codeslm: accept the suggestion' },
  accept_word = { 'accept_word', 'codeslm: accept its next word' },
  accept_line = { 'accept_line', 'codeslm: accept its first line' },
  next = { 'next', 'codeslm: the next suggestion' },
  previous = { 'previous', 'codeslm: the suggestion before' },
  dismiss = { 'dismiss', 'codeslm: hide the suggestion' },
  request = { 'request', 'codeslm: ask for a suggestion' },
}

---@param buf integer
---@param client vim.lsp.Client
local function tell_cursor(buf, client)
  if rest_timer then
    rest_timer:stop()
    rest_timer:close()
  end
  rest_timer = vim.defer_fn(function()
    rest_timer = nil
    if buf == api.nvim_get_current_buf() and not client:is_stopped() then
      client:notify('codeslm/didMoveCursor', vim.lsp.util.make_position_params(0, client.offset_encoding))
    end
  end, REST_MS)
end

---@param buf integer
---@param client vim.lsp.Client
local function attach(buf, client)
  if status.model == '' and status.kind == 'off' then
    status = { kind = 'loading', message = 'The language server is starting.', model = '' }
  end
  local drawing = backend()
  if drawing and not attached[buf] then
    attached[buf] = true
    drawing.attach(buf, client)
    for name, action in pairs(ACTIONS) do
      local key = config.options.keys[name]
      if key then
        map(buf, key, M[action[1]], action[2])
      end
    end
  end
  api.nvim_create_autocmd({ 'BufEnter', 'CursorMoved', 'InsertEnter' }, {
    group = api.nvim_create_augroup('codeslm.cursor.' .. buf, {}),
    buffer = buf,
    callback = function()
      tell_cursor(buf, client)
    end,
  })
  if buf == api.nvim_get_current_buf() then
    tell_cursor(buf, client)
  end
end

---@param buf integer
local function detach(buf)
  local drawing = backend()
  if attached[buf] and drawing then
    drawing.detach(buf)
  end
  attached[buf] = nil
  pcall(api.nvim_del_augroup_by_name, 'codeslm.cursor.' .. buf)
end

local group = api.nvim_create_augroup('codeslm', {})
api.nvim_create_autocmd('LspAttach', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'codeslm' then
      attach(event.buf, client)
    end
  end,
})
api.nvim_create_autocmd('LspDetach', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'codeslm' then
      detach(event.buf)
      if #vim.lsp.get_clients({ name = 'codeslm' }) <= 1 then
        status = { kind = 'off', message = 'The language server is not running.', model = '' }
      end
    end
  end,
})

return M
