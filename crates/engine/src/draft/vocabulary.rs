//! Whether two models speak in the same tokens.

use text::Tokenizer;

/// How `draft` differs from `target`, in words; none when ids mean the same in both.
pub(crate) fn difference(target: &Tokenizer, draft: &Tokenizer) -> Option<String> {
    let (count, other_count) = (target.vocab_size(), draft.vocab_size());
    if count != other_count {
        return Some(format!("it has {other_count} tokens and not {count}"));
    }
    let ids = 0..u32::try_from(count).expect("ids have 32 bits");
    let bytes = |tokenizer: &Tokenizer, id| {
        tokenizer.piece_bytes(id).map(<[u8]>::to_vec).unwrap_or_default()
    };
    let differs = |&id: &u32| {
        target.piece_bytes(id).ok() != draft.piece_bytes(id).ok()
            || target.is_special(id) != draft.is_special(id)
    };
    if let Some(id) = ids.into_iter().find(differs) {
        let show = |tokenizer: &Tokenizer| {
            let kind = if tokenizer.is_special(id) { "special " } else { "" };
            format!("{kind}{:?}", String::from_utf8_lossy(&bytes(tokenizer, id)))
        };
        return Some(format!("token {id} is {} and not {}", show(draft), show(target)));
    }
    let (ends, other_ends) = (target.end_ids(), draft.end_ids());
    if ends != other_ends {
        return Some(format!("its end tokens are {other_ends:?} and not {ends:?}"));
    }
    let (bos, other_bos) = (target.bos(), draft.bos());
    (bos != other_bos).then(|| format!("its begin token is {other_bos:?} and not {bos:?}"))
}
