--- specifications.lua: what a device's data points may be, asked for once per product.
-- The idea: the standard instruction set first; the thing model only for what that lacks. Where the cloud has neither,
-- `false` is kept, and nothing is checked.
-- The danger: a network that fails for a moment must not be taken for a product without a specification, or a
-- temperature would be sent unscaled.
-- @module tuya.specifications

local generations = require("tuya.generations")
local points = require("tuya.points")
local read = require("tuya.points.specification").read

local specifications = {}

-- Refusals that say that there is none, as against those that pass.
local NONE = {
   [1106] = true, [1108] = true, [1109] = true, [2003] = true, [2008] = true, [2009] = true, [28841001] = true,
   [28841101] = true, [28841102] = true, [28841105] = true, [28841106] = true,
}

local AGAIN = 600 -- seconds after which a product without a specification is asked for one again

-- What is kept of a product: its specification; false: it had none a short while ago; nil: to be asked for.
local function remembered(inner, client, known, kind, product)
   local made = known[kind][product]
   if made == false and inner.now(client) >= known.again[kind .. " " .. product] then return nil end
   return made
end

-- Keeps what came: the specification, or false where there is none; true, nil, message, info for what may pass.
local function keep(inner, client, known, kind, product, ok, result, message, info)
   if not ok then return false, result end
   if result == nil and not (info.kind == "api" and NONE[info.code]) then return true, nil, message, info end
   local made = read(result) or false
   if made then made.is_model = type(result) == "table" and result.model ~= nil
   else known.again[kind .. " " .. product] = inner.now(client) + AGAIN end
   known[kind][product] = made
   return true, made
end

--- The thing model of a device's product, in the form of a specification. Nothing is asked where the client is bound to
-- another generation of the API.
-- @return as of `of`
function specifications.model(inner, client, id)
   local ok, known = inner.known(client)
   if not ok then return false, known end
   if known.api ~= "auto" and known.api ~= "v2.0" then return true, false end
   local product = known:product_of(id)
   local made = remembered(inner, client, known, "models", product)
   if made ~= nil then return true, made end
   return keep(inner, client, known, "models", product, generations.by("v2.0", inner, client, "specification", id))
end

--- The specification of a device's product: of its standard instruction set, or where that says nothing its thing
-- model.
-- @tparam table inner what the client lets its modules do
-- @tparam client client
-- @tparam string id of the device
-- @treturn boolean ok; false with the rule that the program broke
-- @return the specification, false where the cloud has none that is usable, or nil, message, info for a failure;
-- `is_model` of it says that it is the thing model
function specifications.of(inner, client, id)
   local ok, known = inner.known(client)
   if not ok then return false, known end
   local product = known:product_of(id)
   local made, message, info = remembered(inner, client, known, "specifications", product), nil, nil
   if made == nil then
      ok, made, message, info = keep(inner, client, known, "specifications", product,
         generations.call(inner, client, "specification", id))
   end
   if not ok or made ~= false then return ok, made, message, info end
   return specifications.model(inner, client, id)
end

--- What is known of a device's product without asking.
-- @tparam known known
-- @tparam string id of the device
-- @return the specification; false where it has none; nil where that is not known
function specifications.recall(known, id)
   local product = known:product_of(id)
   local made = known.specifications[product]
   if made ~= false then return made end
   return known.models[product]
end

--- What was read, as a program writes it.
-- @tparam ?table specification nil or false: the values stay as they are
-- @tparam table values code = what came
-- @treturn table code = value
function specifications.decode(specification, values)
   if not specification then return values end
   local decoded = {}
   for code, wire in next, values do decoded[code] = points.decode(specification, code, wire) end
   return decoded
end

return specifications
