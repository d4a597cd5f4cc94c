--- Ghost text drawn by codeslm itself: for Neovim 0.11, which cannot, and wherever it is asked for.
---
--- The server is asked at every key; it answers what was overtaken at once, and what is typed as the ghost text said
--- without the model. What is drawn follows the keys meanwhile, so that nothing flickers.
local config = require('codeslm.config')

local api = vim.api
local M = {}

local METHOD = 'textDocument/inlineCompletion'
local INVOKED, AUTOMATIC = 1, 2 -- LSP 3.18, InlineCompletionTriggerKind
local NAMESPACE = api.nvim_create_namespace('codeslm.ghost')

---@class codeslm.Offer
---@field buf integer
---@field row integer From zero, as `col` in bytes: where the cursor has to be.
---@field col integer
---@field text string What is left to insert there.
---@field items lsp.InlineCompletionItem[]
---@field texts string[] What each of `items` would insert from where it was asked for.
---@field index integer
---@field taken string What was inserted of it already.
---@field kind integer How it was asked for.
---@field client vim.lsp.Client

---@type codeslm.Offer?
local offer
---@type {client: vim.lsp.Client, id: integer}?
local pending
local asked = '' -- Where, and at which text, something was asked for last.

local function cursor()
  local row, col = unpack(api.nvim_win_get_cursor(0))
  return row - 1, col
end

--- Tell the server what became of a suggestion; it keeps that as numbers on this machine.
---@param method string
---@param of codeslm.Offer
---@param more? table
local function tell(method, of, more)
  local item = of.items[of.index]
  if item.command and not of.client:is_stopped() then
    of.client:notify(method, vim.tbl_extend('error', { item = item }, more or {}))
  end
end

local function undraw()
  if offer and api.nvim_buf_is_valid(offer.buf) then
    api.nvim_buf_clear_namespace(offer.buf, NAMESPACE, 0, -1)
  end
end

local function forget()
  undraw()
  if offer then
    tell('codeslm/didDismissCompletion', offer)
  end
  offer = nil
end

local function cancel()
  if pending then
    pcall(pending.client.cancel_request, pending.client, pending.id)
    pending = nil
  end
end

--- A tab in virtual text fills one cell or two; here it goes to the next stop, as in the buffer.
---@param text string
---@param column integer The screen column at which it begins, from zero.
local function spread(text, column)
  return (
    text:gsub('([^\t]*)\t', function(before)
      local stop = vim.bo.tabstop
      column = column + api.nvim_strwidth(before)
      local n = stop - column % stop
      column = column + n
      return before .. (' '):rep(n)
    end)
  )
end

local function draw()
  undraw()
  if not offer then
    return
  end
  local line = api.nvim_buf_get_lines(offer.buf, offer.row, offer.row + 1, false)[1] or ''
  local behind = line:sub(offer.col + 1)
  local lines = vim.split(offer.text, '\n', { plain = true })
  local column = api.nvim_strwidth(spread(line:sub(1, offer.col), 0))
  local below = {}
  for number = 2, #lines do
    below[number - 1] = { { spread(lines[number], 0), 'ComplHint' } }
  end
  local first = { { spread(lines[1], column), 'ComplHint' } }
  local place = 'inline'
  if #below > 0 and behind ~= '' then
    -- What stands behind the cursor will stand behind the last line: it is shown there, and covered here.
    place = 'overlay'
    local n = api.nvim_strwidth(behind) - api.nvim_strwidth(first[1][1])
    table.insert(first, { (' '):rep(math.max(0, n)), 'Normal' })
    table.insert(below[#below], { spread(behind, api.nvim_strwidth(below[#below][1][1])), 'Normal' })
  end
  api.nvim_buf_set_extmark(offer.buf, NAMESPACE, offer.row, offer.col, {
    virt_text = first,
    virt_text_pos = place,
    virt_lines = #below > 0 and below or nil,
    hl_mode = 'combine',
  })
end

--- The text that an item would insert at the cursor; nil where what stands there says otherwise.
---@param item lsp.InlineCompletionItem
---@param client vim.lsp.Client
local function text_at_cursor(item, client)
  local row, col = cursor()
  local text = type(item.insertText) == 'table' and item.insertText.value or item.insertText --[[@as string]]
  local range = item.range
  if not range then
    return text
  end
  local line = api.nvim_get_current_line()
  local start = vim.str_byteindex(line, client.offset_encoding, range.start.character, false)
  local stop = vim.str_byteindex(line, client.offset_encoding, range['end'].character, false)
  local before, behind = line:sub(start + 1, col), line:sub(col + 1, stop)
  if range.start.line ~= row or range['end'].line ~= row or start > col or stop < col then
    return nil
  end
  if text:sub(1, #before) ~= before or (behind ~= '' and text:sub(-#behind) ~= behind) then
    return nil
  end
  return text:sub(#before + 1, #text - #behind)
end

local function is_menu_open()
  if not config.options.hide_behind_menu then
    return false
  end
  if vim.fn.pumvisible() == 1 then
    return true
  end
  local cmp, blink = package.loaded['cmp'], package.loaded['blink.cmp']
  return (cmp and cmp.visible and cmp.visible()) or (blink and blink.is_menu_visible and blink.is_menu_visible()) or false
end

--- Ask the server; what it says is drawn if nothing has changed meanwhile.
---@param kind integer
---@param index? integer Which of the items is to be shown.
function M.request(kind, index)
  local buf = api.nvim_get_current_buf()
  local client = vim.lsp.get_clients({ bufnr = buf, name = 'codeslm' })[1]
  local tick = api.nvim_buf_get_changedtick(buf)
  local row, col = cursor()
  local place = ('%d %d %d %d'):format(buf, tick, row, col)
  if kind ~= INVOKED and asked == place then
    return -- Most keys come as two events, and behind the key by which somebody asks.
  end
  asked = place
  cancel()
  if not client then
    return
  end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding) --[[@as table]]
  params.context = { triggerKind = kind }
  local is_sent, id = client:request(METHOD, params, function(error, result)
    if pending and pending.id == (id or pending.id) then
      pending = nil
    end
    local now_row, now_col = cursor()
    local has_moved = buf ~= api.nvim_get_current_buf() or row ~= now_row or col ~= now_col
    if error or has_moved or tick ~= api.nvim_buf_get_changedtick(buf) then
      return
    end
    if api.nvim_get_mode().mode:sub(1, 1) ~= 'i' or is_menu_open() then
      return forget()
    end
    local items, texts = {}, {}
    for _, item in ipairs(result and (result.items or result) or {}) do
      local text = text_at_cursor(item, client)
      if text and text ~= '' then
        table.insert(items, item)
        table.insert(texts, text)
      end
    end
    if #items == 0 and offer and offer.kind == INVOKED and offer.row == row and offer.col == col then
      return -- What somebody asked for by hand stays, though nothing is offered while typing.
    end
    if not index and offer and texts[1] and offer.row == row and offer.col == col and vim.startswith(texts[1], offer.text) then
      -- What is shown already, perhaps with more behind it.
      offer.text = texts[1]
      return draw()
    end
    forget()
    local chosen = index and (index - 1) % math.max(1, #items) + 1 or 1
    offer = items[chosen]
        and {
          buf = buf,
          row = row,
          col = col,
          text = texts[chosen],
          items = items,
          texts = texts,
          index = chosen,
          taken = '',
          kind = kind,
          client = client,
        }
      or nil
    if offer then
      tell('textDocument/didShowCompletion', offer)
    end
    draw()
  end, buf)
  pending = is_sent and id and { client = client, id = id } or nil
end

--- Follow what was typed: where it is what the ghost text said, the rest of that stays.
local function follow()
  if not offer then
    return
  end
  local row, col = cursor()
  if row == offer.row and col == offer.col then
    return
  end
  if offer.buf ~= api.nvim_get_current_buf() or row ~= offer.row or col < offer.col then
    return forget()
  end
  local typed = api.nvim_get_current_line():sub(offer.col + 1, col)
  if offer.text:sub(1, #typed) ~= typed then
    return forget()
  end
  if #typed >= #offer.text then -- All of it was typed by hand.
    undraw()
    offer = nil
    return
  end
  offer.taken, offer.text, offer.col = offer.taken .. typed, offer.text:sub(#typed + 1), col
  draw()
end

local function on_change()
  if is_menu_open() then
    cancel()
    return forget()
  end
  follow()
  M.request(AUTOMATIC)
end

---@param buf integer
---@param client vim.lsp.Client
function M.attach(buf, client)
  if vim.lsp.inline_completion then
    vim.lsp.inline_completion.enable(false, { client_id = client.id }) -- Else everything would be drawn twice.
  end
  local group = api.nvim_create_augroup('codeslm.ghost.' .. buf, {})
  api.nvim_create_autocmd({ 'InsertEnter', 'TextChangedI', 'TextChangedP' }, { group = group, buffer = buf, callback = on_change })
  api.nvim_create_autocmd('CursorMovedI', {
    group = group,
    buffer = buf,
    callback = function()
      vim.schedule(function() -- Behind TextChangedI, which comes with most moves.
        if api.nvim_get_current_buf() == buf and api.nvim_get_mode().mode:sub(1, 1) == 'i' then
          on_change()
        end
      end)
    end,
  })
  api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave' }, { group = group, buffer = buf, callback = M.dismiss })
end

---@param buf integer
function M.detach(buf)
  pcall(api.nvim_del_augroup_by_name, 'codeslm.ghost.' .. buf)
  if offer and offer.buf == buf then
    M.dismiss()
  end
end

--- Hide it, and show nothing until the next key.
function M.dismiss()
  cancel()
  forget()
end

--- Ask again: the server may answer now what it could not before.
function M.refresh()
  if offer or pending then
    return
  end
  asked = ''
  if api.nvim_get_mode().mode:sub(1, 1) == 'i' then
    M.request(AUTOMATIC)
  end
end

function M.is_visible()
  return offer ~= nil
end

--- Insert the first `length` bytes of what is shown, in one step that can be undone.
---@param length integer
local function take(length)
  local taken = assert(offer)
  local text = taken.text:sub(1, length)
  undraw()
  vim.go.undolevels = vim.go.undolevels -- Ends the undo step before.
  local lines = vim.split(text, '\n', { plain = true })
  api.nvim_buf_set_text(taken.buf, taken.row, taken.col, taken.row, taken.col, lines)
  taken.row, taken.col = taken.row + #lines - 1, (#lines == 1 and taken.col or 0) + #lines[#lines]
  api.nvim_win_set_cursor(0, { taken.row + 1, taken.col })
  vim.go.undolevels = vim.go.undolevels
  taken.taken, taken.text = taken.taken .. text, taken.text:sub(length + 1)
  if taken.text == '' then
    local command = taken.items[taken.index].command
    offer = nil
    if command then
      taken.client:exec_cmd(command, { bufnr = taken.buf })
    end
  else
    local length = vim.str_utfindex(taken.taken, 'utf-16')
    tell('textDocument/didPartiallyAcceptCompletion', taken, { acceptedLength = length })
    draw()
  end
end

--- Now; a mapping with <expr> may not change text, and has it done behind itself.
---@param act fun()
local function at_once(act)
  local is_done, problem = pcall(act)
  if not is_done and tostring(problem):find('E565', 1, true) then
    vim.schedule(act)
  elseif not is_done then
    error(problem, 0)
  end
end

---@param choose? fun(text: string): string What is to be inserted of a text, from its beginning; else all.
function M.accept(choose)
  if not offer then
    return false
  end
  at_once(function()
    follow()
    if offer then
      take(#(choose and choose(offer.text) or offer.text))
    end
  end)
  return true
end

--- Show another suggestion. Those beside the first are asked for when somebody wants to see them.
---@param step integer
function M.cycle(step)
  if not offer then
    return false
  end
  at_once(function()
    follow()
    if not offer or offer.taken ~= '' or #offer.items < 2 then
      return M.request(INVOKED, 1 + step)
    end
    offer.index = (offer.index + step - 1) % #offer.items + 1
    offer.text = offer.texts[offer.index]
    tell('textDocument/didShowCompletion', offer)
    draw()
  end)
  return true
end

function M.invoke()
  M.request(INVOKED)
end

return M
