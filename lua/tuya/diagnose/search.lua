--- diagnose/search.lua: which choices made this signature?
-- The idea: the candidates are the products of the choices in the table of mistakes, tried by their number: none, one,
-- two, three. A text is a head and a tail; every pair is one mac from kept state, in C. What gives the sent digest is
-- the answer, because nothing else could have.
-- The danger: the product of all choices is out of reach, so rare families meet only the partners that they name.
-- @module tuya.diagnose.search

local build = require("tuya.diagnose.build")
local core = require("tuya.core")
local mistakes = require("tuya.diagnose.mistakes")
local pool = require("tuya.diagnose.pool")

local search = {}

local CLOCK_SPAN = 5000 -- ms around the sent t in which the signed one is looked for

local joined = pool.joined

-- {{{ pools

-- The entries that have choices of some parts here, each with its values.
local function entries_of(f, parts, rare)
   local list = {}
   for _, entry in ipairs(mistakes) do
      if entry.part and parts[entry.part] and (entry.rare or false) == rare then
         local values = entry.choices(f)
         if #values > 0 then
            list[#list + 1] = { slug = entry.slug, part = entry.part, values = values, with = entry.with or {} }
         end
      end
   end
   return list
end

-- Every combination of up to `most` choices of different parts; visit(choice, slugs).
local function combine(entries, most, visit)
   local choice = {}
   local function descend(from, slugs, left)
      visit(choice, slugs)
      for i = from, left > 0 and #entries or 0 do
         local entry = entries[i]
         if choice[entry.part] == nil then
            local longer = joined(slugs, { entry.slug })
            for _, value in ipairs(entry.values) do
               choice[entry.part] = value
               descend(i + 1, longer, left - 1)
            end
            choice[entry.part] = nil
         end
      end
   end
   descend(1, {}, most)
end

-- The texts that the frequent choices of some parts make, up to `most` deep.
local function frequent(f, parts, make, most)
   local made = pool.new()
   combine(entries_of(f, parts, false), most, function(choice, slugs)
      local text = make(f, choice)
      if text then made:add(text, slugs) end
   end)
   return made
end

-- Every text of a pool up to a cost; visit(text, slugs).
local function each(from, most, visit)
   for cost = 0, most do
      for at, text in ipairs(from.texts[cost] or {}) do visit(text, from.slugs[cost][at]) end
   end
end

-- Tails: URLs and hashes, each text of them once, in every shape.
local function tails_of(f, most)
   local made = pool.new()
   local urls, hashes = frequent(f, build.URL, build.url, most), frequent(f, build.HASH, build.hash, most)
   combine(entries_of(f, build.SHAPE, false), most, function(choice, slugs)
      local parts = { method = choice.method or f.right.method, block = choice.block or f.right.block }
      local lines = choice.lines or build.lines
      each(hashes, most - #slugs, function(hash, hash_slugs)
         parts.hash = hash
         local so_far = joined(slugs, hash_slugs)
         each(urls, most - #so_far, function(url, url_slugs)
            parts.url = url
            local text = lines(parts)
            if text then made:add(text, joined(so_far, url_slugs)) end
         end)
      end)
   end)
   return made
end

local function named(entries, slugs)
   local out = {}
   for _, entry in ipairs(entries) do
      if slugs[entry.slug] then out[#out + 1] = entry end
   end
   return out
end

-- The texts of one rare entry's values. Those of its lines share the parts that they are made of.
local function add_rare(f, made, entry, choice, slugs, make)
   local parts = entry.part == "lines" and build.tail_parts(f, choice)
   local longer = joined({ entry.slug }, slugs)
   for _, value in ipairs(entry.values) do
      choice[entry.part] = value
      local text
      if parts then text = value(parts) else text = make(f, choice) end
      if text then made:add(text, longer) end
   end
   choice[entry.part] = nil
end

-- The rare texts of a half: each entry's values, alone and with up to `most` of its partners in this half.
local function rare(f, parts, make, most)
   local list, usual = {}, entries_of(f, parts, false)
   for _, entry in ipairs(entries_of(f, parts, true)) do
      local made = pool.new()
      combine(named(usual, entry.with), most, function(choice, slugs)
         if choice[entry.part] == nil then add_rare(f, made, entry, choice, slugs, make) end
      end)
      list[#list + 1] = { pool = made, with = entry.with }
   end
   return list
end

-- The facts with other right parts.
local function with_right(f, changes)
   local right = {}
   for name, value in pairs(f.right) do right[name] = changes[name] or value end
   return setmetatable({ right = right }, { __index = f })
end

local OLD_PARTS = { id = true, token = true, t = true, prefix = true }

-- Texts of the old algorithm: heads alone. It had no nonce, so signing one or not makes no difference to the name.
local function old_texts(f, most, also_rare)
   local made = pool.new()
   local function take(from)
      each(from, most + 1, function(text, slugs)
         if text ~= "" then made:add(text, joined({ "old-algorithm" }, slugs)) end
      end)
   end
   for _, at_hand in ipairs { f, with_right(f, { nonce = "" }) } do
      take(frequent(at_hand, OLD_PARTS, build.head, most))
      for _, one in ipairs(also_rare and rare(at_hand, OLD_PARTS, build.head, 1) or {}) do
         if one.with["old-algorithm"] then take(one.pool) end
      end
   end
   return made
end

-- Texts that are neither head nor tail: layouts of other schemes.
local function whole_texts(f)
   local made = pool.new()
   local usual = entries_of(f, { token = true, hash = true }, false)
   for _, entry in ipairs(mistakes) do
      local layouts = entry.whole and entry.whole(f) or {}
      combine(named(usual, entry.with or {}), 2, function(choice, slugs)
         local parts = build.tail_parts(f, choice)
         for name, value in pairs(build.head_parts(f, choice)) do parts[name] = value end
         local longer = joined({ entry.slug }, slugs)
         for _, layout in ipairs(layouts) do made:add(layout(parts), longer) end
      end)
   end
   return made
end

-- }}}

-- {{{ matching

local function better(a, b)
   if not a or (b and pool.is_better(b.slugs, a.slugs)) then return b end
   return a
end

local EMPTY = pool.of("")

-- The best explanation among all pairs that give the digest: `cost` choices, of heads and tails together.
local function match(f, key, heads, tails, cost, extra)
   local best
   for head_cost = 0, cost do
      local tail_cost = cost - head_cost
      local left, right, from = heads.texts[head_cost], tails.texts[tail_cost], 0
      while left and right and from do
         local h, t, after = key:search(f.digest, left, right, from)
         if h then
            local slugs = joined(joined(heads.slugs[head_cost][h], tails.slugs[tail_cost][t]), extra or {})
            best = better(best, { slugs = slugs, text = left[h] .. right[t] })
         end
         from = after
      end
   end
   return best
end

-- Other keys, and credentials to which something sticks: each one mistake more.
local function match_keys(f, state, cost)
   local best
   for _, entry in ipairs(mistakes) do
      for _, one in ipairs(entry.keys and entry.keys(f) or {}) do
         local key = core.key(one.key)
         if key then
            local at_hand = one.id and with_right(f, { id = one.id }) or f
            local heads = frequent(at_hand, build.HEAD, build.head, cost)
            best = better(best, match(f, key, heads, state.tails, cost, { entry.slug }))
            best = better(best, match(f, key, old_texts(at_hand, 0, false), EMPTY, cost, { entry.slug }))
         end
      end
   end
   return best
end

local function match_frequent(f, state, cost)
   return better(match(f, state.key, state.heads, state.tails, cost), match(f, state.key, state.old, EMPTY, cost))
end

local function match_rare(f, state, cost)
   local best = match(f, state.key, state.whole, EMPTY, cost)
   for _, one in ipairs(state.rare_tails) do
      best = better(best, match(f, state.key, state.heads:only(one.with), one.pool, cost))
   end
   for _, one in ipairs(state.rare_heads) do
      best = better(best, match(f, state.key, one.pool, state.tails:only(one.with), cost))
   end
   return best
end

-- }}}

-- {{{ the clock

local MARK = "\0t\0" -- stands for the moment in a text

-- The texts in which the signed t is looked for, the likely ones first.
local function moment_bases(f, depth)
   local marked = with_right(f, { t = MARK })
   local heads, tails = frequent(marked, build.HEAD, build.head, depth), pool.of(build.tail(f, {}))
   local out = {}
   local function take(from, tail, slug)
      for cost = 0, depth do
         for at, text in ipairs(from.texts[cost] or {}) do
            if text:find(MARK, 1, true) then out[#out + 1] = { text = text .. tail, slugs = from.slugs[cost][at] } end
         end
      end
      return slug
   end
   take(heads, tails.texts[0][1])
   if depth > 0 then
      local old = old_texts(marked, 1, false)
      for cost = 1, 2 do
         for at, text in ipairs(old.texts[cost] or {}) do
            out[#out + 1] = { text = text, slugs = old.slugs[cost][at] }
         end
      end
      local bodies = tails_of(f, 1)
      for at, tail in ipairs(bodies.texts[1] or {}) do
         out[#out + 1] = { text = heads.texts[0][1] .. tail, slugs = bodies.slugs[1][at] }
      end
   end
   return out
end

-- The signed t around a moment. Another than the sent one is a mistake, unless that shows anyway.
local function match_moment(f, state, depth)
   local slug = state.moment_slug
   for i, base in ipairs(moment_bases(f, depth)) do
      if i > 12 then return nil end
      local at = base.text:find(MARK, 1, true)
      local before, after = base.text:sub(1, at - 1), base.text:sub(at + #MARK)
      local t = state.key:search_t(f.digest, before, after, state.centre, CLOCK_SPAN)
      if t then
         return { slugs = joined(slug and { slug } or {}, base.slugs), text = before .. ("%.0f"):format(t) .. after }
      end
   end
end

-- Where to look for the signed t, and what another than the sent one is called.
local function centre_of(f)
   if (f.t or ""):find("^%d+$") and #f.t == 13 then return tonumber(f.t), "t-signed-differs-from-t-sent" end
   if (f.t or ""):find("^%d+$") and #f.t == 10 then return tonumber(f.t) * 1000 + 500 end
   return f.server_time
end

-- }}}

--- The text that the cloud builds. A plus in the query may be read either way.
-- @tparam table f facts
-- @treturn table of texts
function search.right_texts(f)
   local out = {}
   for _, url in ipairs { f.right.url, f.right.url_plus } do
      local parts = build.tail_parts(f, {})
      parts.url = url
      out[#out + 1] = build.head(f, {}) .. build.lines(parts)
   end
   return out
end

local TAIL = {}
for _, parts in ipairs { build.URL, build.HASH, build.SHAPE } do
   for part in pairs(parts) do TAIL[part] = true end
end

local function better_of(f, state, cost)
   return better(match_frequent(f, state, cost), match_rare(f, state, cost))
end

-- What one rare choice alone makes; one that changes the whole text does so with partners too.
local function add_rare_texts(f, state, partners)
   state.rare_heads = rare(f, build.HEAD, build.head, partners)
   state.rare_tails = rare(f, TAIL, build.tail, partners)
end

-- One mistake: of the frequent ones, of the keys, of the rare ones, another moment.
local function search_one(f, state)
   state.heads, state.tails = frequent(f, build.HEAD, build.head, 1), tails_of(f, 1)
   state.old = old_texts(f, 1, false)
   local found = match_frequent(f, state, 1) or match_keys(f, state, 0)
   if found then return found end
   state.whole = whole_texts(f)
   add_rare_texts(f, state, 0)
   return match_rare(f, state, 1) or state.centre and match_moment(f, state, 0)
end

local function search_two(f, state)
   add_rare_texts(f, state, 1)
   state.heads, state.tails = frequent(f, build.HEAD, build.head, 2), tails_of(f, 2)
   state.old = old_texts(f, 2, true)
   return better_of(f, state, 2) or match_keys(f, state, 1)
end

-- Three, and the named fours.
local function search_three(f, state)
   state.tails = tails_of(f, 3)
   return better_of(f, state, 3) or match_rare(f, state, 4) or state.centre and match_moment(f, state, 1)
end

--- Looks for the choices that made a signature.
-- @tparam table f facts, with a digest
-- @treturn ?table `{ slugs = {...}, text = }`; nil when nothing known made it
function search.run(f)
   local key = core.key(f.secret)
   for _, text in ipairs(search.right_texts(f)) do
      if key:search(f.digest, { text }, { "" }) then return { slugs = {}, text = text } end
   end
   local state = { key = key }
   state.centre, state.moment_slug = centre_of(f)
   return search_one(f, state) or search_two(f, state) or search_three(f, state)
end

-- Texts that somebody may have sent as the sign, or hashed without a key.
local function plain_texts(f)
   local texts = { build.tail(f, {}) }
   for _, choice in ipairs { {}, { token = "" }, { nonce = "" }, { token = "", nonce = "" } } do
      texts[#texts + 1] = build.head(f, choice)
      texts[#texts + 1] = build.head(f, choice) .. build.tail(f, {})
   end
   return texts
end

--- Looks for a sign that is no HMAC: one of the texts itself, or its plain hash, with the secret on a side or without.
-- @tparam table f facts, with a sign
-- @treturn ?table as `run`
function search.plain(f)
   local sign = f.sign:lower()
   for _, text in ipairs(plain_texts(f)) do
      local is_it = f.sign == text
      for _, hashed in ipairs { text, text .. f.secret, f.secret .. text, f.secret .. text .. f.secret } do
         is_it = is_it or core.sha256(hashed) == sign
      end
      if is_it then return { slugs = { "sign-not-hmac" }, text = text } end
   end
end

return search
