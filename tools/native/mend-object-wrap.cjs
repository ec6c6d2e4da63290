// Makes better-sqlite3 compile with object-wrap.h, and compile at all instead of taking a finished binary.
//
// better-sqlite3 12 aborts on Node 24.19 and later when one of its statements is collected (object-wrap.h tells why);
// 13 needs Node 22.14. The finished binaries of 12 have the fault built in, so its installer is told not to look for
// one. Runs before it is compiled, like raise-standard.cjs. Invariant: touches one include line and adds two files,
// and does nothing where it was done before.
const { copyFileSync, existsSync, readFileSync, writeFileSync } = require('node:fs');
const { join, resolve } = require('node:path');

const place = resolve(__dirname, '..', 'better-sqlite3');
const source = join(place, 'src', 'better_sqlite3.cpp');
if (existsSync(source)) {
  const before = readFileSync(source, 'utf8');
  const after = before.replace('#include <node_object_wrap.h>', '#include "sheaf-object-wrap.h"');
  if (after !== before) writeFileSync(source, after);
  copyFileSync(join(__dirname, 'object-wrap.h'), join(place, 'src', 'sheaf-object-wrap.h'));
  writeFileSync(join(place, '.prebuild-installrc'), '{ "buildFromSource": true }\n');
}
