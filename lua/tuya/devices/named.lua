--- devices/named.lua: calls that name devices by their ids, some of which may be gone.
-- The idea: whether the cloud leaves a device out that is gone or refuses the whole call for it is unknown. So both
-- are borne: what is refused together is asked for by halves, until what is refused stands alone.
-- The danger: the same refusal (1106) is said of an API that the project may not call, and then every half is refused.
-- Whoever asks by halves knows that the API answers.
-- @module tuya.devices.named

local named = {}

local GONE = { [1106] = true, [2010] = true } -- published: no permission, or another's; there is no such device

--- Whether a failure says that a device is gone, or not the project's.
-- @tparam table info
-- @treturn boolean
function named.is_gone(info)
   return info.kind == "api" and GONE[info.code] == true
end

local function part_of(ids, first, last)
   local part = {}
   for i = first, last do part[#part + 1] = ids[i] end
   return part
end

--- Asks for what was refused together, by halves.
-- @tparam table ids a list, refused as it is
-- @tparam function ask called with a list of ids: true, list; true, nil, message, info; or false, rule
-- @return true and what those gave that are there; or what else failed
function named.by_halves(ids, ask)
   if #ids <= 1 then return true, {} end
   local found, middle = {}, math.floor(#ids / 2)
   for _, half in ipairs { part_of(ids, 1, middle), part_of(ids, middle + 1, #ids) } do
      local ok, list, message, info = ask(half)
      if ok and list == nil and named.is_gone(info) then
         ok, list, message, info = named.by_halves(half, ask)
      end
      if not ok or list == nil then return ok, list, message, info end
      for _, one in ipairs(list) do found[#found + 1] = one end
   end
   return true, found
end

return named
