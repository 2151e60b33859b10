--- known.lua: what a client has learnt of its project and its products.
-- The idea: what is the same for all devices of a product is asked for once: its specification, its thing model, and
-- which data points only the thing model takes. Which generation of the API a project may call is learnt likewise.
-- The danger: what was learnt may grow old; `device:reset_local()` forgets it for one product.
-- @module tuya.known

local known = {}

local ORDER = { "v1.0", "iot-03", "v2.0" } -- of the generations of the API, as they are tried

local methods = {}
local metatable = { __index = methods, __name = "tuya.known" }

--- Makes an empty one.
-- @tparam ?string api the client's option: "auto", "v1.0", "iot-03" or "v2.0"
-- @treturn known
function known.new(api)
   return setmetatable({
      api = api or "auto",
      products = {},       -- by device id
      specifications = {}, -- by product; false: there is none that is usable
      models = {},         -- likewise
      again = {},          -- by kind and product: when one that had none is asked for again, s of a steady clock
      through_model = {},  -- by product: a set of codes
      generations = {},    -- by operation: the one that answered
      answered = {},       -- generations that have answered anything
   }, metatable)
end

--- That of a client, made when it is first wanted.
-- @tparam table context the client's
-- @treturn known
function known.of(context)
   context.known = context.known or known.new(context.api)
   return context.known
end

--- The generations to try for an operation, in order: the one that answered it before, those that answered anything,
-- the others; only the one that the client is bound to, where it has the operation.
-- @tparam ?string operation
-- @tparam[opt] function has whether a generation has it
-- @treturn table
function methods:order(operation, has)
   if self.api ~= "auto" and (not has or has(self.api)) then return { self.api } end
   local list, taken = {}, {}
   local function add(generation)
      if not generation or taken[generation] or (has and not has(generation)) then return end
      taken[generation] = true
      list[#list + 1] = generation
   end
   add(operation and self.generations[operation])
   for _, generation in ipairs(ORDER) do add(self.answered[generation] and generation) end
   for _, generation in ipairs(ORDER) do add(generation) end
   return list
end

--- What stands for a device's product: its id, or the device's own while that is unknown.
-- @tparam string id
-- @treturn string
function methods:product_of(id)
   return self.products[id] or "device " .. id
end

--- Learns the product of a device; what was learnt of the device alone is the product's from now on.
-- @tparam string id
-- @tparam ?string product
function methods:learn_product(id, product)
   if type(product) ~= "string" or product == "" or self.products[id] == product then return end
   local before = self:product_of(id)
   self.products[id] = product
   for _, kind in ipairs { "specifications", "models", "through_model" } do
      if self[kind][product] == nil then
         self[kind][product] = self[kind][before]
         self.again[kind .. " " .. product] = self.again[kind .. " " .. before]
      end
      self[kind]["device " .. id] = nil
   end
end

--- Learns that a data point is sent through the thing model.
-- @tparam string id
-- @tparam string code
function methods:learn_through_model(id, code)
   local product = self:product_of(id)
   self.through_model[product] = self.through_model[product] or {}
   self.through_model[product][code] = true
end

--- Whether a data point is sent through the thing model, as far as was learnt.
-- @tparam string id
-- @tparam string code
-- @treturn boolean
function methods:goes_through_model(id, code)
   local codes = self.through_model[self:product_of(id)]
   return codes ~= nil and codes[code] == true
end

--- Forgets what was learnt of a device and its product.
-- @tparam string id
function methods:forget(id)
   local product = self:product_of(id)
   for _, kind in ipairs { "specifications", "models", "through_model" } do self[kind][product] = nil end
   self.products[id] = nil
end

return known
