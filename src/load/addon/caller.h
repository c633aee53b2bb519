// Calls from the engine into JavaScript, each with its microtasks behind it: between two messages
// of one socket what awaits the first must run. Loop thread only.
#pragma once

#include <node_api.h>

#include <array>

#include "load/addon/values.h"

namespace utakata::load {

// Values that are made for a call live until its end.
struct Scope {
  explicit Scope(napi_env of) : env(of) { napi_open_handle_scope(env, &scope); }
  ~Scope() { napi_close_handle_scope(env, scope); }
  napi_env env;
  napi_handle_scope scope = nullptr;
};

class Caller {
 public:
  Caller(napi_env env, napi_value functions) : env_(env) {
    napi_value name = text_value(env, "utakata-load"), receiver = nullptr;
    napi_create_object(env, &receiver);
    napi_create_reference(env, functions, 1, &functions_);
    napi_async_init(env, receiver, name, &context_);
    napi_create_reference(env, receiver, 1, &receiver_);
  }
  ~Caller() { napi_async_destroy(env_, context_); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  napi_env env() const { return env_; }
  // A scope for the arguments is the caller's to open.
  template <std::size_t count>
  void call(const char* name, const std::array<napi_value, count>& arguments) {
    napi_value functions, function, receiver, result;
    napi_get_reference_value(env_, functions_, &functions);
    napi_get_reference_value(env_, receiver_, &receiver);
    napi_get_named_property(env_, functions, name, &function);
    if (napi_make_callback(env_, context_, receiver, function, count, arguments.data(), &result) ==
        napi_ok)
      return;
    napi_value error = nullptr;
    bool is_pending = false;
    napi_is_exception_pending(env_, &is_pending);
    if (!is_pending) return;
    napi_get_and_clear_last_exception(env_, &error);
    napi_fatal_exception(env_, error);  // as an exception in any other callback: uncaughtException
  }

 private:
  napi_env env_;
  napi_ref functions_ = nullptr, receiver_ = nullptr;
  napi_async_context context_ = nullptr;
};

}  // namespace utakata::load
