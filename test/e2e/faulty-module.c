/*
 * A PKCS#11 module that is SoftHSM until the file named by FAULTY_MODE says otherwise, by its first letter:
 *   away     every call that matters fails with CKR_DEVICE_ERROR
 *   garbage  digests and MACs are wrong
 *   pin      as away, but there to refuse the PIN
 *   keyless  there is no C_DigestKey, as in modules of some devices
 *   hang     calls that use a secret do not return until it says something else
 * Every C_Login is one byte in the file named by FAULTY_LOGINS.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Of pkcs11js: the types of OASIS's own headers, packed for this platform. */
#include "pkcs11/pkcs11.h"

#define REAL "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST faulty;

static char mode(void) {
  char first = 0;
  int file = open(getenv("FAULTY_MODE"), O_RDONLY);
  if (file < 0) return first;
  if (read(file, &first, 1) < 1) first = 0;
  close(file);
  return first;
}

static int is_away(void) {
  char now = mode();
  while (now == 'h') {
    usleep(10000);
    now = mode();
  }
  return now == 'a' || now == 'p';
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR session) {
  return mode() == 'a' ? CKR_DEVICE_ERROR : real->C_OpenSession(slot, flags, app, notify, session);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length) {
  int file = open(getenv("FAULTY_LOGINS"), O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (file >= 0) {
    if (write(file, ".", 1) < 1) abort();
    close(file);
  }
  return mode() == 'p' ? CKR_PIN_INCORRECT : real->C_Login(session, user, pin, length);
}

static CK_RV digest_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism) {
  return is_away() ? CKR_DEVICE_ERROR : real->C_DigestInit(session, mechanism);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  return is_away() ? CKR_DEVICE_ERROR : real->C_SignInit(session, mechanism, key);
}

static CK_RV digest_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
  return mode() == 'k' ? CKR_FUNCTION_NOT_SUPPORTED : real->C_DigestKey(session, key);
}

static CK_RV digest_final(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR length) {
  CK_RV result = real->C_DigestFinal(session, out, length);
  if (result == CKR_OK && out != NULL_PTR && mode() == 'g') out[0] ^= 1;
  return result;
}

static CK_RV sign_final(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR length) {
  CK_RV result = real->C_SignFinal(session, out, length);
  if (result == CKR_OK && out != NULL_PTR && mode() == 'g') out[0] ^= 1;
  return result;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  void *module = dlopen(REAL, RTLD_NOW);
  CK_C_GetFunctionList get = module == NULL_PTR ? NULL_PTR : (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
  if (get == NULL_PTR || get(&real) != CKR_OK) return CKR_GENERAL_ERROR;
  faulty = *real;
  faulty.C_OpenSession = open_session;
  faulty.C_Login = login;
  faulty.C_DigestInit = digest_init;
  faulty.C_DigestKey = digest_key;
  faulty.C_SignInit = sign_init;
  faulty.C_DigestFinal = digest_final;
  faulty.C_SignFinal = sign_final;
  *list = &faulty;
  return CKR_OK;
}
