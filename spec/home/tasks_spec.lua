-- Devices and homes inside tasks of a scheduler, where a call suspends the task: on every Lua, PUC 5.1 too.
local cloud = require("spec.support.cloud")
local house = require("tuya.simulator.house")
local scheduler = require("tuya.scheduler")

local function run(fn)
   local made = cloud.new(nil, nil, house)
   local tasks = scheduler.new(made.client)
   local result
   tasks:spawn(function() result = { fn(made.client, tasks) } end)
   local ok, message, messages = tasks:run(60)
   if not ok then error(message .. "\n" .. table.concat(messages or {}, "\n")) end
   return made, result
end

describe("in a task", function()
   it("lists are read, devices found, many read at once", function()
      local _, result = run(function(client)
         local pager = client:devices { api = "v2.0", page_size = 5 }
         local count = 0
         while assert(pager:next() or count == 16) ~= true do count = count + 1 end
         assert(#client:devices():all() == 16)
         local lamp = assert(client:find("Shelf lamp"))
         local room = assert(client:find { room = "Kitchen" })
         local statuses = assert(client:statuses())
         return count, lamp.id, room.id, statuses.radiator.temp_set
      end)
      assert.same({ 16, "shelf", "coffee", 20 }, result)
   end)

   it("commands are checked, fall back to the thing model and are confirmed, while others run", function()
      local made = run(function(client, tasks)
         local beats = 0
         local beat = tasks:every(0.1, function() beats = beats + 1 end)
         assert(client:device("fan"):send { fan_level = 7 })
         assert(client:device("garden"):send({ relay_status = "last" }, { check = false }) == nil)
         assert(client:device("radiator"):send({ temp_set = 21.5 }, { confirm = 5 }))
         beat:cancel()
         return beats
      end)
      assert.equal(7, made.simulator:device("fan").values.fan_level)
      assert.equal(215, made.simulator:device("radiator").values.temp_set)
      assert.is_true(made.simulator:device("radiator").values.switch)
   end)

   it("a confirmation lets others run while it waits", function()
      local beats = 0
      local made = cloud.new(nil, function(request, answer)
         if not request.target:find("/status", 1, true) then return answer() end
         return { status = 200, headers = {}, body = '{"success":true,"result":[]}' }
      end, house)
      local tasks = scheduler.new(made.client)
      local detail
      local beat = tasks:every(0.1, function() beats = beats + 1 end)
      tasks:spawn(function()
         detail = select(3, made.client:device("coffee"):send({ switch_1 = true }, { confirm = 3 }))
         beat:cancel()
      end)
      tasks:run(30)
      assert.equal("unconfirmed", detail.kind)
      assert.is_true(beats >= 20, beats)
   end)

   it("homes, rooms, scenes and remotes are there", function()
      local made = run(function(client)
         local home = assert(client:homes())[1]
         assert(#home:rooms()[2]:devices():all() == 6)
         assert(home:run("Good morning"))
         assert(client:remotes("hub"))[1]:set { temp = 20 }
         local pager = client:device("coffee"):logs()
         assert(pager:next().code == "cur_current")
      end)
      assert.equal(20, made.simulator:device("air").values.temp)
   end)
end)
