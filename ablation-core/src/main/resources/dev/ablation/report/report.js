(function () {
  var box = document.getElementById('large');
  if (!box || !box.showModal) { return; }
  var picture = box.querySelector('img'), text = box.querySelector('p');
  document.querySelectorAll('button.pic').forEach(function (button) {
    button.addEventListener('click', function () {
      var small = button.querySelector('img');
      picture.src = small.src; picture.alt = small.alt; text.textContent = small.alt;
      box.showModal();
    });
  });
  box.addEventListener('click', function () { box.close(); });
  if (window.matchMedia) {
    window.addEventListener('beforeprint', function () {
      document.querySelectorAll('details').forEach(function (one) { one.open = true; });
    });
  }
})();
