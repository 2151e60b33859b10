--- certificates.lua: a certificate authority and a certificate for loopback, made on the spot.
-- The idea: a new authority for each listener, whose key is forgotten once it has signed one certificate.
-- The danger: whoever trusts the authority trusts that certificate for localhost; it lives for 30 days only.
-- @module tuya.simulator.certificates

local certificates = {}

local DAYS = 30

--- luaossl's part of that name; raises with what to install.
local function openssl(name)
   local ok, module = pcall(require, "openssl." .. name)
   if not ok then
      error("HTTPS needs luaossl: install the rock luaossl or the Debian package lua-luaossl", 0)
   end
   return module
end

local function new_key()
   return openssl("pkey").new({ type = "EC", curve = "prime256v1" })
end

local function named(common_name)
   local name = openssl("x509.name").new()
   name:add("CN", common_name)
   return name
end

local function new_certificate(subject, issuer, key, serial)
   local certificate = openssl("x509").new()
   local now = os.time()
   certificate:setVersion(3)
   certificate:setSerial(serial)
   certificate:setSubject(subject)
   certificate:setIssuer(issuer)
   certificate:setLifetime(now - 3600, now + DAYS * 24 * 3600)
   certificate:setPublicKey(key)
   return certificate
end

--- Makes both.
-- @treturn string the authority's certificate, PEM
-- @treturn string the certificate for localhost and 127.0.0.1, PEM
-- @treturn string its key, PEM
function certificates.make()
   local extension = openssl("x509.extension")
   local authority_key, key = new_key(), new_key()
   local authority_name = named("tuya simulate authority")

   local authority = new_certificate(authority_name, authority_name, authority_key, 1)
   authority:setBasicConstraints({ CA = true })
   authority:setBasicConstraintsCritical(true)
   authority:addExtension(extension.new("keyUsage", "critical,keyCertSign,cRLSign"))
   authority:sign(authority_key)

   local names = openssl("x509.altname").new()
   names:add("DNS", "localhost")
   names:add("IP", "127.0.0.1")
   local leaf = new_certificate(named("localhost"), authority_name, key, 2)
   leaf:setBasicConstraints({ CA = false })
   leaf:setSubjectAlt(names)
   leaf:addExtension(extension.new("extendedKeyUsage", "serverAuth"))
   leaf:sign(authority_key)

   return authority:toPEM(), leaf:toPEM(), key:toPEM("private")
end

return certificates
