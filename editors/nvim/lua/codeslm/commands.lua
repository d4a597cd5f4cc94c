--- `:CodeSLM …`: commands of the server with answers to read, and edits that are made only when the user says so.
local api = vim.api
local M = {}

local WITH_WORDS = {
  ask = true, commit = true, explain = true, fix = true, formula = true, name = true, solve = true, translate = true,
  verify = true,
}
local OF_SERVER = {
  'ask', 'commit', 'complexity', 'document', 'explain', 'fix', 'formula', 'implement', 'latex', 'name', 'simplify',
  'solve', 'test', 'translate', 'types', 'verify',
}
local MARKS = { proved = '✓✓', tested = '✓', ['cross-checked'] = '✓', unverified = '?', refuted = '✗' }

---@return vim.lsp.Client?
local function client_of(buf)
  local client = vim.lsp.get_clients({ bufnr = buf, name = 'codeslm' })[1]
  if not client then
    vim.notify('codeslm does not run for this buffer; see :checkhealth codeslm.', vim.log.levels.WARN)
  end
  return client
end

---@param title string
---@param lines string[]
---@param filetype string
local function show(title, lines, filetype)
  local buf = api.nvim_create_buf(false, true)
  api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  vim.bo[buf].bufhidden, vim.bo[buf].modifiable = 'wipe', false
  vim.cmd('botright ' .. math.min(#lines + 1, math.floor(vim.o.lines / 2)) .. 'split')
  api.nvim_win_set_buf(0, buf)
  vim.wo.wrap, vim.wo.number, vim.wo.relativenumber = true, false, false
  pcall(api.nvim_buf_set_name, buf, 'codeslm://' .. title)
  vim.cmd('silent! setlocal filetype=' .. filetype) -- What draws it may fail, such as a parser that is missing.
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buf, desc = 'Close the answer' })
  return buf
end

--- The answer, its badge, and how it was checked, as Markdown.
---@param answer table
---@return string[]
function M.as_lines(answer)
  local lines = vim.split(vim.trim(answer.answer), '\n', { plain = true })
  vim.list_extend(lines, { '', ('**%s** %s'):format(answer.badge, MARKS[answer.badge] or ''), '' })
  for _, check in ipairs(answer.evidence or {}) do
    local sentence = tostring(check.detail):gsub('%s*\n%s*', ' ')
    table.insert(lines, ('- %s %s'):format(check.passed and '✓' or '✗', sentence))
  end
  if type(answer.note) == 'string' and answer.note ~= '' then
    vim.list_extend(lines, { '', answer.note })
  end
  return lines
end

--- A file's lines before and after the edits, which are made in a buffer that nobody sees.
---@param change table One of the `documentChanges` of a WorkspaceEdit.
---@param client vim.lsp.Client
local function before_and_after(change, client)
  local source = vim.uri_to_bufnr(change.textDocument.uri)
  vim.fn.bufload(source)
  local before = api.nvim_buf_get_lines(source, 0, -1, false)
  local scratch = api.nvim_create_buf(false, true)
  api.nvim_buf_set_lines(scratch, 0, -1, false, before)
  vim.lsp.util.apply_text_edits(change.edits, scratch, client.offset_encoding)
  local after = api.nvim_buf_get_lines(scratch, 0, -1, false)
  api.nvim_buf_delete(scratch, { force = true })
  return table.concat(before, '\n') .. '\n', table.concat(after, '\n') .. '\n'
end

--- The changes as a patch with three lines around each.
---@param changes table[]
---@param client vim.lsp.Client
local function as_patch(changes, client)
  local diff = vim.text and vim.text.diff or vim.diff
  local lines = {}
  for _, change in ipairs(changes) do
    if change.textDocument then
      local before, after = before_and_after(change, client)
      local name = vim.fn.fnamemodify(vim.uri_to_fname(change.textDocument.uri), ':.')
      local patch = diff(before == '\n' and '' or before, after, { ctxlen = 3 })
      vim.list_extend(lines, { '--- ' .. name, '+++ ' .. name })
      vim.list_extend(lines, vim.split(vim.trim(patch), '\n', { plain = true }))
    end
  end
  return lines
end

--- Show an answer; where it comes with an edit, `a` makes it and `q` does not.
---@param name string
---@param answer table
---@param client vim.lsp.Client
function M.present(name, answer, client)
  local lines = {}
  local has_edit = type(answer.edit) == 'table'
  if has_edit then
    lines = { 'Press a to make this change, q to leave everything as it is.', '', '```diff' }
    vim.list_extend(lines, as_patch(answer.edit.documentChanges, client))
    vim.list_extend(lines, { '```', '' })
  end
  vim.list_extend(lines, M.as_lines(answer))
  local buf = show(name, lines, 'markdown')
  if has_edit then
    vim.keymap.set('n', 'a', function()
      vim.cmd.close()
      vim.lsp.util.apply_workspace_edit(answer.edit, client.offset_encoding)
      vim.notify(('codeslm: %s was applied; u undoes it.'):format(name))
    end, { buffer = buf, desc = 'Make the change' })
  end
end

--- Ask the server. `range` is of lines from 1, or nil for the cursor.
---@param name string
---@param words string
---@param range? {[1]: integer, [2]: integer}
function M.run(name, words, range)
  local buf = api.nvim_get_current_buf()
  local client = client_of(buf)
  if not client then
    return
  end
  local place = vim.lsp.util.make_position_params(0, client.offset_encoding).position
  local span = { start = place, ['end'] = place }
  if range then
    local last = api.nvim_buf_get_lines(buf, range[2] - 1, range[2], false)[1] or ''
    span = {
      start = { line = range[1] - 1, character = 0 },
      ['end'] = { line = range[2] - 1, character = vim.str_utfindex(last, client.offset_encoding) },
    }
  end
  local argument = { textDocument = { uri = vim.uri_from_bufnr(buf) }, range = span }
  if name == 'translate' then
    argument.to = words
  else
    argument.words = words
  end
  if name == 'fix' or name == 'explain' then
    argument.diagnostics = {}
    for _, each in ipairs(vim.diagnostic.get(buf, { lnum = span.start.line })) do
      local lsp = each.user_data and each.user_data.lsp
      if lsp and words == '' then
        table.insert(argument.diagnostics, {
          range = lsp.range,
          message = lsp.message,
          source = lsp.source or '',
          code = tostring(lsp.code or ''),
        })
      end
    end
  end
  local params = { command = 'codeslm.' .. name, arguments = { argument } }
  vim.notify(('codeslm: %s …'):format(name))
  client:request('workspace/executeCommand', params, function(error, answer)
    local problem = error and error.message or (answer and answer.error)
    if problem then
      vim.notify('codeslm: ' .. problem, vim.log.levels.WARN)
    elseif answer then
      M.present(name, answer, client)
    end
  end, buf)
end

local function explain_last()
  local client = client_of(0)
  if client then
    client:request('workspace/executeCommand', { command = 'codeslm.explainLast' }, function(_, why)
      if type(why) ~= 'table' then
        return vim.notify('codeslm: nothing has been asked for yet.')
      end
      local skip = type(why.skip) == 'table' and why.skip or nil
      vim.notify(skip and ('codeslm: %s (%s)'):format(skip.detail, skip.reason) or vim.inspect(why))
    end, 0)
  end
end

local OWN = {
  enable = function()
    require('codeslm').configure({ completion = { enabled = true } })
  end,
  disable = function()
    require('codeslm').configure({ completion = { enabled = false } })
  end,
  status = function()
    local state = require('codeslm').state()
    vim.notify(require('codeslm').said(state))
  end,
  why = explain_last,
  log = function()
    vim.cmd.tabedit(vim.fn.fnameescape(vim.lsp.log and vim.lsp.log.get_filename() or vim.lsp.get_log_path()))
  end,
  restart = function()
    for _, client in ipairs(vim.lsp.get_clients({ name = 'codeslm' })) do
      client:stop()
    end
    vim.defer_fn(function()
      vim.lsp.enable('codeslm', false)
      vim.lsp.enable('codeslm')
    end, 500)
  end,
}

--- All that `:CodeSLM` knows.
---@return string[]
local function names()
  local all = vim.list_extend(vim.tbl_keys(OWN), OF_SERVER)
  table.sort(all)
  return all
end

--- `:CodeSLM NAME words`
---@param call vim.api.keyset.create_user_command.command_args
function M.command(call)
  local name, words = call.args:match('^(%S+)%s*(.*)$')
  if OWN[name] then
    return OWN[name]()
  end
  if not vim.tbl_contains(OF_SERVER, name) then
    local there = table.concat(names(), ', ')
    return vim.notify(('codeslm: there is no command %s; there are %s.'):format(name, there), vim.log.levels.WARN)
  end
  if words ~= '' and not WITH_WORDS[name] then
    return vim.notify(('codeslm: %s takes no words; it is about the code at the cursor.'):format(name), vim.log.levels.WARN)
  end
  M.run(name, words, call.range > 0 and { call.line1, call.line2 } or nil)
end

---@param lead string
---@param line string
function M.complete(lead, line)
  local words = vim.split(line:gsub("^[%d,'<>.$%%]*", ''), '%s+')
  if #words > 2 then
    return {}
  end
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, names())
end

return M
