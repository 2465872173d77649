package io.exeat.flow;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Repeated calls: the same key with the same content gets the first call's answer, also while that
 * one is under way; a first call that failed leaves nothing behind.
 *
 * @param <O> whose keys they are
 * @param <C> the content that a key stands for
 * @param <A> the answer
 */
final class Replays<O, C, A> {
  private final ConcurrentMap<Key<O>, Call<C, A>> calls = new ConcurrentHashMap<>();

  private record Key<O>(O owner, String key) {}

  private record Call<C, A>(C content, CompletableFuture<A> answer) {}

  /**
   * @throws FaultException IdempotencyConflict when the key stands for another content, or whatever
   *     {@code first} throws
   */
  A once(O owner, String key, C content, Supplier<A> first) {
    Key<O> id = new Key<>(owner, key);
    Call<C, A> mine = new Call<>(content, new CompletableFuture<>());
    Call<C, A> earlier = calls.putIfAbsent(id, mine);
    if (earlier != null) {
      return repeat(earlier, key, content);
    }
    try {
      A answer = first.get();
      mine.answer().complete(answer);
      return answer;
    } catch (RuntimeException | Error e) { // whoever repeats the call must not wait for ever
      calls.remove(id, mine);
      mine.answer().completeExceptionally(e);
      throw e;
    }
  }

  /** Forgets answers that are of no use any more. */
  void forget(Predicate<A> old) {
    calls
        .values()
        .removeIf(call ->
            call.answer().isDone()
                && !call.answer().isCompletedExceptionally()
                && old.test(call.answer().join()));
  }

  /** Forgets the keys of owners that are of no use any more. */
  void forgetOwners(Predicate<O> old) {
    calls.keySet().removeIf(key -> old.test(key.owner()));
  }

  private A repeat(Call<C, A> earlier, String key, C content) {
    if (!earlier.content().equals(content)) {
      throw new FaultException(new Fault.IdempotencyConflict(key));
    }
    try {
      return earlier.answer().join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof FaultException fault ? fault : e;
    }
  }
}
