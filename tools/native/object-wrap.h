// node::ObjectWrap without the environment clean-up hooks that Node 24.19 gave it.
//
// Since then its destructor asks for the current environment and aborts the process when there is none. That is the
// case while the garbage collector runs on its own, and so collecting any better-sqlite3 statement may end the
// program. Here the two hook functions mean nothing while Node's header is read; afterwards they mean what they did.
// What remains is the class as Node 20 and 22 have it: an object that lives when its environment ends is not deleted,
// which costs nothing at a process's end.
#ifndef SHEAF_OBJECT_WRAP_H_
#define SHEAF_OBJECT_WRAP_H_

#include <node.h>

namespace node {
inline void SheafNoCleanupHook(v8::Isolate*, void (*)(void*), void*) {}
}  // namespace node

#define AddEnvironmentCleanupHook SheafNoCleanupHook
#define RemoveEnvironmentCleanupHook SheafNoCleanupHook
#include <node_object_wrap.h>
#undef AddEnvironmentCleanupHook
#undef RemoveEnvironmentCleanupHook

#endif  // SHEAF_OBJECT_WRAP_H_
