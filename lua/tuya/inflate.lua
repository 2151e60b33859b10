--- inflate.lua: unpacks gzip, by the zlib that nginx has loaded. LuaJIT only.
-- The idea: what comes out is bounded, so that a small answer cannot become a large one.
-- The danger: zlib's stream holds memory of its own; it is ended on every way out.
-- @module tuya.inflate

local inflate = {}

local load = require -- a host may take it away once everything is loaded

local PIECE = 16384
local GZIP = 15 + 16 -- zlib: the largest window, and gzip's frame
local Z_OK, Z_STREAM_END = 0, 1

-- By names of our own, since others may have declared zlib's with their own types.
local DECLARED = [[
   typedef struct {
      const uint8_t *next_in; unsigned avail_in; unsigned long total_in;
      uint8_t *next_out; unsigned avail_out; unsigned long total_out;
      const char *msg; void *state, *zalloc, *zfree, *opaque;
      int data_type; unsigned long adler, reserved;
   } tuya_z_stream;
   const char *tuya_z_version(void) __asm__("zlibVersion");
   int tuya_z_init(tuya_z_stream *, int, const char *, int) __asm__("inflateInit2_");
   int tuya_z_inflate(tuya_z_stream *, int) __asm__("inflate");
   int tuya_z_end(tuya_z_stream *) __asm__("inflateEnd");
]]

local function works(library)
   return library.tuya_z_init and library.tuya_z_inflate and library.tuya_z_end and library.tuya_z_version() and library
end

-- FFI and zlib, or false where either is missing.
local function open()
   local ok, ffi = pcall(load, "ffi")
   if not ok then return false end
   pcall(ffi.cdef, DECLARED) -- a second time in one Lua state it is already known
   local here, library = pcall(works, ffi.C)
   if not here then here, library = pcall(function() return works(ffi.load("z")) end) end
   return here and { ffi = ffi, library = library, piece = ffi.new("uint8_t[?]", PIECE) }
end

local zlib

-- Made at the first use; false where there is none.
local function opened()
   if zlib == nil then zlib = open() end
   return zlib
end

--- Whether gzip can be unpacked here.
-- @treturn boolean
function inflate.is_there()
   return opened() and true or false
end

local function unpack_stream(z, stream, most)
   local parts, total = {}, 0
   while true do
      stream.next_out, stream.avail_out = z.piece, PIECE
      local status = z.library.tuya_z_inflate(stream, 0)
      local n = PIECE - stream.avail_out
      total = total + n
      if total > most then return nil, "too_large" end
      parts[#parts + 1] = z.ffi.string(z.piece, n)
      if status == Z_STREAM_END then return table.concat(parts) end
      if status ~= Z_OK or n == 0 and stream.avail_in == 0 then return nil, "protocol" end
   end
end

--- Unpacks.
-- @tparam string packed a whole gzip member
-- @tparam number most bytes that may come out
-- @treturn ?string
-- @treturn ?string "too_large", or "protocol": it is no gzip, or not whole
function inflate.unpack(packed, most)
   local z = opened()
   local stream = z.ffi.new("tuya_z_stream")
   stream.next_in, stream.avail_in = z.ffi.cast("const uint8_t *", packed), #packed
   local status = z.library.tuya_z_init(stream, GZIP, z.library.tuya_z_version(), z.ffi.sizeof(stream))
   if status ~= Z_OK then return nil, "protocol" end
   local ok, text, code = pcall(unpack_stream, z, stream, most)
   z.library.tuya_z_end(stream)
   if not ok then error(text, 0) end
   return text, code
end

return inflate
