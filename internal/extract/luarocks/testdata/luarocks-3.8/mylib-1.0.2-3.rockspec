-- made for a test
rockspec_format = "3.0"
package = "mylib"
version = "1.0.2-3"
source = {
   url = "https://example.com/mylib.lua"
}
description = {
   summary = "A \"library\" = for tests",
   detailed = [[
      package = "no"
      license = "no"
   ]],
   license = "MIT/X11",
   maintainer = "Me <me@example.com>"
}
dependencies = {
   "lua >= 5.1, < 5.5",
   "lpeg >= 1.0",
   'luafilesystem', -- lfs
}
build_dependencies = { "x" }
build = {
   type = "builtin",
   modules = { mylib = "mylib.lua" }
}
