-- Lists: every device exactly once, in as few calls as the pages allow, whatever comes and goes meanwhile.
local cloud = require("spec.support.cloud")

local function home_of(count)
   local devices, ids = {}, {}
   for i = 1, count do
      local product = i % 2 == 0 and "wall_switch" or "socket"
      ids[i] = ("d%05d"):format(i)
      devices[i] = { id = ids[i], name = "Device " .. i, product = product, asset_id = "a1" }
   end
   return { uid = "anna", home_id = "7", devices = devices, rooms = { { id = "70", name = "All", devices = ids } } }
end

local function new(count, intercept)
   return cloud.new(nil, intercept, home_of(count))
end

local function calls(made)
   return #made.transport.requests - 1 -- the token's
end

-- Ways to list all devices: name, options, devices a page, whether a full last page needs a further one.
local WAYS = {
   { name = "last_row_key of v1.0", options = { api = "v1.0" }, size = 100 },
   { name = "last_row_key of iot-03", options = { api = "iot-03" }, size = 200 },
   { name = "last_id of v2.0", options = { api = "v2.0" }, size = 20, asks_on = true },
   { name = "page_no of v1.0", options = { schema = "any" }, size = 100 },
   { name = "the row keys of an asset", options = { asset = "a1" }, size = 200 },
   { name = "a user, whole", options = { uid = "anna" }, size = math.huge },
   { name = "a home, whole", options = { home = 7 }, size = math.huge },
   { name = "a room, whole", options = { home = "7", room = "70" }, size = math.huge },
   { name = "twenty ids a call", options = { ids = true }, size = 20 },
   { name = "small pages by last_row_key", options = { api = "v1.0", page_size = 7 }, size = 7, most = 21 },
   { name = "small pages by page_no", options = { schema = "any", page_size = 7 }, size = 7, most = 21 },
}

local function ideal(way, count)
   if way.asks_on then return math.floor(count / way.size) + 1 end
   if way.options.ids then return math.ceil(count / way.size) end
   return math.max(1, math.ceil(count / way.size))
end

-- The options of a way, for a list of so many.
local function options_of(way, count)
   if not way.options.ids then return way.options end
   local ids = {}
   for i = 1, count do ids[i] = ("d%05d"):format(i) end
   return { ids = ids }
end

-- Every id once, those expected and no other.
local function check(list, first, last)
   local seen = {}
   for _, device in ipairs(list) do
      if seen[device.id] then error(device.id .. " is there twice") end
      seen[device.id] = true
   end
   for i = first, last do
      if not seen[("d%05d"):format(i)] then error(i .. " is left out") end
   end
   assert.equal(last - first + 1, #list)
end

describe("a list by", function()
   local clouds = {} -- by their number of devices: five thousand take a while to make

   for _, way in ipairs(WAYS) do
      for _, count in ipairs { 0, 1, 19, 20, 21, way.most or 5000 } do
         local once = count == 5000 and " #once" or "" -- the same on every Lua, and slow
         it(("%s has each of %d devices once, in the fewest calls%s"):format(way.name, count, once), function()
            local made = clouds[count] or new(count)
            clouds[count] = made
            local before = math.max(1, #made.transport.requests) -- the first is the token's
            local list = assert(made.client:devices(options_of(way, count)):all())
            check(list, 1, count)
            assert.equal(ideal(way, count), #made.transport.requests - before)
         end)
      end
   end

   it("pages no larger than the cloud gives them, whatever page_size is wished for", function()
      for way, size in pairs { ["v1.0"] = 100, ["iot-03"] = 200, ["v2.0"] = 20 } do
         local made = new(45)
         check(assert(made.client:devices({ api = way, page_size = 200 }):all()), 1, 45)
         assert.equal(math.ceil(45 / size), calls(made))
      end
      check(assert(new(45).client:devices({ schema = "any", page_size = 200 }):all()), 1, 45)
   end)

   it("ids asks for each once, however often it is named", function()
      local made = new(45)
      local ids = options_of(WAYS[9], 45).ids
      ids[46] = ids[1]
      check(assert(made.client:devices({ ids = ids }):all()), 1, 45)
      assert.equal(3, calls(made))
      assert.same({}, made.client:devices({ ids = {} }):all())
   end)

   it("somebody else's user, home or asset is refused, or empty", function()
      local made = new(3)
      assert.equal(1106, select(3, made.client:devices({ uid = "nobody" }):all()).code)
      assert.equal(1106, select(3, made.client:devices({ home = "8" }):all()).code)
      assert.same({}, made.client:devices({ asset = "a2" }):all())
   end)
end)

-- Deletes a device as another client would.
local function vanish(made, number)
   local other = require("tuya").client {
      access_id = cloud.ID, access_secret = cloud.SECRET, endpoint = cloud.ENDPOINT, store = made.store,
      transport = require("tuya.transport.fake").new(function(request) return made.simulator:handle(request) end),
   }
   assert(other:delete(("/v1.0/devices/d%05d"):format(number)))
end

describe("devices that come and go between two pages", function()
   local SMALL = {
      { name = "last_row_key", options = { api = "v1.0", page_size = 5 } },
      { name = "last_row_key of iot-03", options = { api = "iot-03", page_size = 5 } },
      { name = "last_id", options = { api = "v2.0", page_size = 5 } },
      { name = "page_no", options = { schema = "any", page_size = 5 } },
      { name = "an asset's last_row_key", options = { asset = "a1", page_size = 5 } },
   }
   for _, way in ipairs(SMALL) do
      it("leave out none that stays, and show none twice: " .. way.name, function()
         for gone = 1, 12 do
            for at = 1, 11, 5 do
               local made = new(12)
               local pager, seen, count = made.client:devices(way.options), {}, 0
               while true do
                  local device = assert(pager:next() or count > 0 and {})
                  if not device.id then break end
                  assert.is_nil(seen[device.id])
                  seen[device.id], count = true, count + 1
                  if count == at then vanish(made, gone) end
               end
               for i = 1, 12 do
                  local what = ("%d, %d gone at %d"):format(i, gone, at)
                  if i ~= gone then assert.is_true(seen[("d%05d"):format(i)], what) end
               end
            end
         end
      end)

      it("show those that come: " .. way.name, function()
         local made = new(12)
         local pager = made.client:devices(way.options)
         local list = { assert(pager:next()) }
         assert(made.simulator:add { id = "d00013", name = "New", product = "socket", asset_id = "a1" })
         for _, device in ipairs(assert(pager:all())) do list[#list + 1] = device end
         check(list, 1, 13)
      end)
   end

   it("are read again from the page before, however many went", function()
      local made = new(40)
      local pager, list = made.client:devices { schema = "any", page_size = 5 }, {}
      for i = 1, 20 do list[i] = assert(pager:next()) end
      for i = 1, 17 do vanish(made, i) end
      for _, device in ipairs(assert(pager:all())) do list[#list + 1] = device end
      check(list, 1, 40)
   end)
end)

-- A cloud that answers every list with what `answer` makes of the request.
local function answering(answer)
   local asked = 0
   return new(3, function(request, honest)
      if request.target:find("/v1.0/token", 1, true) then return honest() end
      asked = asked + 1
      return { status = 200, headers = {}, body = '{"success":true,"result":' .. answer(asked) .. "}" }
   end)
end

local ONE = '{"id":"x","name":"X","category":"cz","product_id":"p","online":true}'

describe("a list that does not end", function()
   for name, answer in pairs {
      ["the same page after the same key"] = function()
         return '{"devices":[' .. ONE .. '],"has_more":true,"last_row_key":"x"}'
      end,
      ["the same page, after new keys"] = function(asked)
         return '{"devices":[' .. ONE .. '],"has_more":true,"last_row_key":"' .. asked .. '"}'
      end,
      ["empty pages and more to come"] = function(asked)
         return '{"devices":[],"has_more":true,"last_row_key":"' .. asked .. '"}'
      end,
   } do
      it("is told of: " .. name, function()
         local made = answering(answer)
         local list, message, detail = made.client:devices({ api = "v1.0" }):all()
         assert.is_nil(list)
         assert.equal("the list does not end: 50 pages brought nothing new", message)
         assert.equal("endless", detail.code)
         assert.is_true(calls(made) <= 52, calls(made))
         assert.is_nil((made.client:find("X")))
         assert.is_nil((made.client:statuses()))
      end)
   end

   it("is told of: logs whose next page is the same", function()
      local made = answering(function()
         return '{"logs":[{"code":"a","value":"1","event_time":1}],"has_next":true,"next_row_key":"k"}'
      end)
      local pager = made.client:device("d00001"):logs()
      assert.equal("a", pager:next().code)
      local entry, message = pager:next()
      assert.is_nil(entry)
      assert.matches("has not the form that this call answers in", message, 1, true)
   end)
end)

describe("a list that the cloud writes otherwise", function()
   it("is empty where there is success without a result, an empty object or list", function()
      for _, result in ipairs { "true", "{}", "[]", '{"devices":[]}', '{"devices":null}' } do
         local made = answering(function() return result end)
         for _, options in ipairs { { api = "v1.0" }, { api = "iot-03" }, { api = "v2.0" }, { schema = "x" },
            { uid = "u" }, { home = 1 }, { home = 1, room = 2 }, { asset = "a" }, { ids = { "x" } } } do
            local list, message = made.client:devices(options):all()
            assert.same({}, list, ("%s: %s"):format(result, tostring(message)))
         end
      end
   end)

   it("is a failure, and no crash, where it is something else", function()
      for _, result in ipairs { '"text"', "7", "false" } do
         local made = answering(function() return result end)
         local list, message, detail = made.client:devices({ api = "v1.0" }):all()
         assert.is_nil(list)
         assert.is_string(message)
         assert.is_table(detail)
      end
   end)

   it("passes over what is no device", function()
      local made = answering(function() return '{"devices":[1,"x",{},{"id":7},[],' .. ONE .. "]}" end)
      local list = made.client:devices({ api = "v1.0" }):all()
      assert.equal(1, #list)
      assert.equal("X", list[1].name)
   end)
end)

describe("a pager", function()
   it("is read by for, by next and by all", function()
      local made = new(45)
      local count = 0
      for device in made.client:devices() do
         count = count + 1
         assert.equal(("d%05d"):format(count), device.id)
      end
      assert.equal(45, count)
      local pager = made.client:devices()
      assert.equal("d00001", pager:next().id)
      assert.equal(44, #pager:all())
      assert.is_nil(pager:next())
      assert.is_nil(pager:next())
   end)

   it("reads no page before it is wanted", function()
      local made = new(300)
      local pager = made.client:devices()
      assert.equal(0, #made.transport.requests)
      for _ = 1, 100 do pager:next() end
      assert.equal(1, calls(made))
   end)

   it("gives the devices that client:device gives, filled", function()
      for _, api in ipairs { "v1.0", "iot-03", "v2.0" } do
         local made = new(2)
         local device = made.client:devices({ api = api }):next()
         assert.equal("Device 1", device.name)
         assert.equal("cz", device.category)
         assert.equal("simcz00000000001", device.product_id)
         assert.is_true(device.online)
         assert.is_true(device:send { switch_1 = true })
         assert.equal(getmetatable(made.client:device("x")), getmetatable(device))
      end
   end)

   it("filters by category and product", function()
      for _, api in ipairs { "v1.0", "iot-03", "v2.0" } do
         local made = new(21)
         assert.equal(10, #made.client:devices({ api = api, category = "kg" }):all())
         assert.equal(11, #made.client:devices({ api = api, product_id = "simcz00000000001" }):all())
      end
   end)

   it("answers a failure and goes on where it was; in a for it raises", function()
      local fail = false
      local made = new(250, function(_, answer)
         if fail then return { status = 502, headers = {}, body = "" } end
         return answer()
      end)
      local pager = made.client:devices()
      for _ = 1, 100 do assert(pager:next()) end
      fail = true
      local device, message, detail = pager:next()
      assert.is_nil(device)
      assert.matches("GET /v1.0/iot-01/associated-users/devices: HTTP 502", message, 1, true)
      assert.equal("http", detail.kind)
      local _, raised = pcall(function() for _ in pager do error("not here") end end)
      assert.matches("paging_spec.lua:%d+: GET .* HTTP 502", raised)
      fail = false
      assert.equal(150, #pager:all())
   end)

   it("refuses what it does not know, at the caller's line", function()
      local client = new(0).client
      for rule, given in pairs {
         ["did you mean category?"] = { categry = "x" }, ["uid: an id expected"] = { uid = "a/b" },
         ["room: wants home"] = { room = "1" }, ["page_size: a whole number"] = { page_size = 0 },
         ["api: "] = { api = "v9" }, ["ids: no id at 1"] = { ids = { {} } },
         ["a user's or a home's list comes whole"] = { uid = "anna", page_size = 5 },
      } do
         local _, message = pcall(function() client:devices(given) end)
         assert.matches("paging_spec.lua:%d+: tuya.client:devices: ", message)
         assert.matches(rule, message, 1, true)
      end
   end)
end)

describe("statuses", function()
   it("of all devices come a hundred a call", function()
      local made = new(150)
      local statuses = assert(made.client:statuses(nil, { raw = true }))
      assert.equal(2, calls(made))
      local count = 0
      for _, values in pairs(statuses) do
         count = count + 1
         assert.is_boolean(values.switch_1)
      end
      assert.equal(150, count)
   end)

   it("of those that are named come twenty a call, with one specification a product", function()
      local made = new(60)
      made.simulator:set("d00001", "cur_power", 125)
      local ids = {}
      for i = 1, 45 do ids[i] = ("d%05d"):format(i) end
      local statuses = assert(made.client:statuses(ids))
      assert.equal(12.5, statuses.d00001.cur_power)
      assert.equal(3 + 2, calls(made))
      assert(made.client:statuses(ids))
      assert.equal(3 + 2 + 3, calls(made))
   end)

   it("come by every generation", function()
      for api, expected in pairs { ["iot-03"] = 1 + 2, ["v2.0"] = 2 + 25 } do
         local made = cloud.new({ api = api }, nil, home_of(25))
         local statuses = assert(made.client:statuses(nil, { raw = true }))
         assert.is_boolean(statuses.d00025.switch_1)
         assert.equal(expected, calls(made))
      end
   end)
end)

describe("find", function()
   local made = cloud.new(nil, nil, { devices = {
      { id = "a", name = "Kitchen lamp", product = "colour_lamp" },
      { id = "b", name = "Kitchen socket", product = "socket" },
      { id = "c", name = "Bath", product = "thermostat" }, { id = "d", name = "lamp", product = "white_lamp" },
   } })
   local client = made.client

   it("gives one device by name, category, product, or part of a name", function()
      for what, id in pairs {
         ["Kitchen lamp"] = "a", ["kitchen LAMP"] = "a", lamp = "d", wk = "c", ["Room thermostat"] = "c",
         simcz00000000001 = "b", ["hen soc"] = "b",
      } do
         assert.equal(id, assert(client:find(what)).id)
      end
      assert.equal("a", client:find({ category = "dj", product = "Colour lamp" }).id)
      assert.equal("c", client:find({ category = "wk", name = "bath" }).id)
   end)

   it("lists the candidates when several fit", function()
      local device, message, detail = client:find("kitchen")
      assert.is_nil(device)
      assert.equal('2 devices fit "kitchen": Kitchen lamp (a), Kitchen socket (b)', message)
      assert.equal("ambiguous", detail.code)
      assert.equal(2, #detail.candidates)
      device, message = client:find { category = "dj" }
      assert.is_nil(device)
      assert.equal('2 devices fit category = "dj": Kitchen lamp (a), lamp (d)', message)
   end)

   it("lists what is near when none fits, or all that there is", function()
      local device, message, detail = client:find { name = "Kitchen lmap" }
      assert.is_nil(device)
      assert.equal('no device fits name = "Kitchen lmap"; there are: Kitchen lamp (a)', message)
      assert.equal("absent", detail.code)
      message = select(2, client:find { name = "Refrigerator of the neighbours" })
      assert.matches("there are: Kitchen lamp (a), Kitchen socket (b), Bath (c), lamp (d)", message, 1, true)
   end)

   it("passes on a failure", function()
      local _, _, detail = cloud.new(nil, function(request, answer)
         if request.target:find("token", 1, true) then return answer() end
         return { status = 200, headers = {}, body = '{"success":false,"code":500,"msg":"x"}' }
      end).client:find("x")
      assert.equal(500, detail.code)
   end)

   it("refuses what is nothing to look for", function()
      assert.error_matches(function() client:find("") end, "name: empty", 1, true)
      assert.error_matches(function() client:find {} end, "one of them expected", 1, true)
      assert.error_matches(function() client:find { categry = "x" } end, "did you mean category?", 1, true)
   end)
end)

-- Ids of forty devices, and three that are none of the project's.
local function ids_with_gone()
   local ids = {}
   for i = 1, 40 do ids[i] = ("d%05d"):format(i) end
   table.insert(ids, 3, "gone")
   table.insert(ids, 30, "sold")
   ids[#ids + 1] = "neighbours"
   return ids
end

-- A cloud that leaves out what it does not have, instead of refusing all.
local function lenient(request, answer)
   local named = request.target:match("^/v1%.0/devices%?device_ids=(.*)$")
   if not named then return answer() end
   local list = {}
   for id in named:gsub("%%2C", ","):gmatch("[^,]+") do
      if id:find("^d") then list[#list + 1] = ('{"id":"%s","name":"x","status":[]}'):format(id) end
   end
   local body = '{"success":true,"result":{"devices":[' .. table.concat(list, ",") .. "]}}"
   return { status = 200, headers = {}, body = body }
end

describe("ids that are gone, or not the project's,", function()
   local function new_with_log(intercept)
      local events = {}
      local made = cloud.new({ log = function(event) events[#events + 1] = event end }, intercept, home_of(40))
      return made, function()
         local told = {}
         for _, event in ipairs(events) do
            if event.event == "absent" then told[#told + 1] = table.concat(event.device_ids, " ") end
         end
         return told
      end
   end

   it("hide no other: those there are come, the others are named", function()
      for _, intercept in ipairs { false, lenient } do
         local made, told = new_with_log(intercept or nil)
         local pager = made.client:devices { ids = ids_with_gone() }
         check(assert(pager:all()), 1, 40)
         assert.same({ "gone", "sold", "neighbours" }, pager.absent)
         assert.same({ "gone", "sold", "neighbours" }, told())
      end
   end)

   it("cost a few calls each, and none where the cloud leaves them out", function()
      local made = new_with_log()
      assert(made.client:devices({ ids = ids_with_gone() }):all())
      assert.is_true(calls(made) <= 3 + 3 * 12, calls(made))
      made = new_with_log(lenient)
      assert(made.client:devices({ ids = ids_with_gone() }):all())
      assert.equal(3, calls(made))
   end)

   it("are left out of statuses, and of a for", function()
      local made = new_with_log()
      local statuses = assert(made.client:statuses({ "gone", "d00001", "d00002" }, { raw = true }))
      assert.is_nil(statuses.gone)
      assert.is_boolean(statuses.d00001.switch_1)
      local seen = {}
      for device in made.client:devices { ids = { "d00003", "sold", "d00001" } } do seen[#seen + 1] = device.id end
      assert.same({ "d00003", "d00001" }, seen)
   end)

   it("may all be so, once the call has answered", function()
      local made = new_with_log()
      assert(made.client:devices({ ids = { "d00001" } }):all())
      local pager = made.client:devices { ids = { "gone", "sold" } }
      assert.same({}, pager:all())
      assert.same({ "gone", "sold" }, pager.absent)
   end)

   it("are not told from an API that the project may not call, and cost no more then than that", function()
      local made = new_with_log()
      local pager = made.client:devices { ids = { "gone" } }
      local list, _, detail = pager:all()
      assert.is_nil(list)
      assert.equal(1106, detail.code)
      assert.same({}, pager.absent)
      made = new_with_log(function(request, answer)
         if request.target:find("/v1.0/token", 1, true) then return answer() end
         return { status = 200, headers = {}, body = '{"success":false,"code":1106,"msg":"permission deny"}' }
      end)
      assert.equal(1106, select(3, made.client:devices({ ids = ids_with_gone() }):all()).code)
      assert.equal(6, calls(made))
   end)

   it("are passed over where they go between the list and its states", function()
      local made
      made = cloud.new({ api = "iot-03" }, function(request, answer)
         if request.target:find("^/v1.0/iot%-03/devices/status") and not made.went then
            made.went = true
            vanish(made, 7)
         end
         return answer()
      end, home_of(25))
      local statuses = assert(made.client:statuses(nil, { raw = true }))
      assert.is_nil(statuses.d00007)
      assert.is_boolean(statuses.d00006.switch_1)
      assert.is_boolean(statuses.d00025.switch_1)
   end)

   it("are listed with what else is asked of a list; two lists at once are refused", function()
      local made = new_with_log()
      local switches = assert(made.client:devices({ ids = ids_with_gone(), category = "cz" }):all())
      for _, device in ipairs(switches) do assert.equal("cz", device.category) end
      assert.equal(20, #switches)
      for _, wrong in ipairs { { uid = "anna" }, { home = "7" }, { api = "v1.0" }, { page_size = 10 } } do
         wrong.ids = { "d00001" }
         local ok, message = pcall(function() made.client:devices(wrong) end)
         assert.is_false(ok)
         assert.matches("^spec/home/paging_spec.lua:%d+: tuya.client:devices: ", message)
      end
      assert.error_matches(function() made.client:devices { api = "project" } end, 'api: "v1.0", "iot-03"', 1, true)
   end)
end)
