// Raises the C++ standard in mmap-io's build file from C++17 to C++20.
//
// Node 24's headers need C++20, and mmap-io 1.4.3 names C++17 outright. npm runs the preinstall scripts of all
// dependencies before any install script, and this package is one of them; so the file is mended before it is
// compiled, and `npm ci` works as typed on Node 20, 22 and 24. Node 20 and 22 build with C++20 as well. Invariant:
// touches that one file, changes that one word, and does nothing where it was done before.
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { resolve } = require('node:path');

const buildFile = resolve(__dirname, '..', 'mmap-io', 'binding.gyp');
if (existsSync(buildFile)) {
  const before = readFileSync(buildFile, 'utf8');
  const after = before.replaceAll('c++17', 'c++20');
  if (after !== before) writeFileSync(buildFile, after);
}
