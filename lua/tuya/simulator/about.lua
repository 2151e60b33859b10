--- about.lua: calls about a home, and about what stands in one of its lists.
-- The idea: the home that the path (or `space_id`) names is looked up once, here; a call gets it, or is refused.
-- @module tuya.simulator.about

local json = require("tuya.json")

local about = {}

--- The body as a table; nil where it is none.
function about.body(call)
   local body = json.decode(call.body)
   return type(body) == "table" and body or nil
end

--- A call about the home in its path; 1106 where the project has no such home.
function about.home(run)
   return function(call)
      local wanted = call.captures.home or call.query.space_id
      for _, home in ipairs(call.project.homes) do
         if home.home_id == wanted then
            return run(call, home)
         end
      end
      return nil, 1106
   end
end

--- The member of a list that has this id, and its place.
function about.find(list, id)
   for i, one in ipairs(list) do
      if tostring(one.id) == id then
         return one, i
      end
   end
   return nil
end

--- A call about one of a list of the home: the one whose id the path names; 1109 where there is none.
function about.one(list_name, run)
   return about.home(function(call, home)
      local one, at = about.find(home[list_name], call.captures.one)
      if not one then
         return nil, 1109
      end
      return run(call, home, one, at)
   end)
end

--- A call that takes the one out of its list.
function about.remover(list_name)
   return about.one(list_name, function(_, home, _, at)
      table.remove(home[list_name], at)
      return true
   end)
end

--- A new id in a home, higher than every other.
function about.next_id(home)
   home.last_id = (home.last_id or 5000) + 1
   return tostring(home.last_id)
end

return about
