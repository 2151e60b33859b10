--- about.lua: calls about a home, and about what stands in one of its lists.
-- The idea: the home that the path (or `space_id`) names is looked up once, here; a call gets it, or is refused.
-- @module tuya.simulator.about

local json = require("tuya.json")
local shapes = require("tuya.simulator.shapes")

local about = {}

--- The body as a table; nil where it is none.
function about.body(call)
   local body = json.decode(call.body)
   return type(body) == "table" and body or nil
end

--- The home of an id; nil and 1106 where the project has no such home.
function about.home_of(project, id)
   for _, home in ipairs(project.homes) do
      if home.home_id == id then
         return home
      end
   end
   return nil, 1106
end

--- A call about the home in its path.
function about.home(run)
   return function(call)
      local home, code = about.home_of(call.project, call.captures.home or call.query.space_id)
      if not home then
         return nil, code
      end
      return run(call, home)
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

--- What is left out of the new members stays as it is.
function about.change(one, members)
   for name, value in pairs(members) do
      one[name] = value
   end
   return true
end

--- A page of a list whose pages are numbered, and what stands beside it in the answer.
function about.page(list, query, shape)
   local size, number = tonumber(query.page_size) or 20, tonumber(query.page_no) or 1
   local page = {}
   for i = (number - 1) * size + 1, math.min(number * size, #list) do
      page[#page + 1] = list[i]
   end
   return { list = shapes.each(page, shape), has_more = number * size < #list, total = #list }
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
