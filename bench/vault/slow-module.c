/*
 * A PKCS#11 module that is SoftHSM at the far end of a network: each use of a secret, a digest or a MAC, takes SLEEP_US longer, while
 * whoever called waits. One sleep a use is kind: a module that asks its HSM at each C_ call sleeps three or four times.
 */
#include <dlfcn.h>
#include <unistd.h>

/* Of pkcs11js: the types of OASIS's own headers, packed for this platform. */
#include "pkcs11/pkcs11.h"

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST slow;

static CK_RV digest_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism) {
  usleep(SLEEP_US);
  return real->C_DigestInit(session, mechanism);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  usleep(SLEEP_US);
  return real->C_SignInit(session, mechanism, key);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  void *module = dlopen(REAL, RTLD_NOW);
  CK_C_GetFunctionList get = module == NULL_PTR ? NULL_PTR : (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
  if (get == NULL_PTR || get(&real) != CKR_OK) return CKR_GENERAL_ERROR;
  slow = *real;
  slow.C_DigestInit = digest_init;
  slow.C_SignInit = sign_init;
  *list = &slow;
  return CKR_OK;
}
